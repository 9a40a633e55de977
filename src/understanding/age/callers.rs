//! Dates of the caller's own: an appointment, an order, a payment, whoever bought something before a day. They tell nothing
//! of the age of a prompt.

use regex::Regex;
use std::sync::OnceLock;

/// Most characters looked at on either side of a date.
const NEAR: usize = 80;

struct Patterns {
    /// What stands before a date of the caller's own, up to the date.
    before: Vec<Regex>,
    /// Who is asked to do something by a date: a call to everybody.
    asked: Regex,
    /// What everybody is offered.
    offered: Regex,
    /// Behind the date, where `opens` stands before it.
    opens: Regex,
    behind: Regex,
    /// "2020年以前购买的": a group of callers, told by the words behind the date alone.
    group: Regex,
    /// "截至10月31日,您的余额".
    up_to: Regex,
    told: Regex,
}

/// What is a caller's own, whenever it is.
const OWN_EN: &str = "appointment|appt|order|payment|bill|statement|prescription|refill|medication|delivery|reservation|booking|flight|package|parcel|shipment|item|claim|subscription|membership|warranty|visit|case|application|request|loan|lease|invoice|call|transaction|deposit|purchase|refund|trip|ticket|passport|installation|technician|test results?|check|contract|due date|rental|repair|login|log-in|sign-in|password|message|session|interview|exam|test|scan|x-ray|results?|pickup|pick-up|trial|withdrawal|paycheck|meter|usage|mortgage|balance|surgery|procedure|hearing|inspection|licen[cs]e|service appointment|bag|luggage|car|vehicle";
/// What everybody has, and what may be changed for all at once.
const SHARED_EN: &str = "account|plan|coverage|card|policy|service|registration";
/// What only callers did.
const DID_EN: &str = "called|visited|logged in|signed in|paid|ordered|purchased|bought|signed|opened|applied|reported|missed|placed|made|submitted|requested|received|spoke|spoken|enrolled|joined|retired|born|filed|moved|lived|worked|attended|graduated|booked|flew|travell?ed|used|owned|registered|took|sent|hired|were|was|had|got|have an?";
const OWN_ZH: &str = "订单|快件|快递|包裹|运单|邮件|预约|挂号|预订|航班|车票|机票|账单|帐单|余额|账户|帐户|还款|话费|流量|套餐|保单|上次|上一次|最近一次|信用卡|银行卡|储蓄卡|卡片|尾号|会员|证件|驾驶证|身份证|护照|社保卡|贷款|借款|工单|申请|申报|报修|投诉|诉求|来电|合同|处方|报告|体检|检查|手术|住院|面试|欠费|电费|水费|燃气费|气费|物业费|租金|存款|理财|交易|消费|转账|登录|登陆|密码|退款|退货|发票|押金|车辆|年检|保养|维修|安装|取件|寄件|派送|送达|充值|宽带|合约|试用期|借阅|租约|保修期|酒店|房间|门诊|专家号";

fn patterns() -> &'static Patterns {
    static PATTERNS: OnceLock<Patterns> = OnceLock::new();
    PATTERNS.get_or_init(|| {
        let regex = |source: &str| Regex::new(&crate::understanding::plain::pattern(source)).expect("a pattern of callers");
        let before = [
            format!(r"\b(your|his|her|their|my) (\w+[ '-]){{0,3}}?({OWN_EN})s?\b[^!?;]{{0,80}}$"),
            format!(r"\b(your|his|her|their|my) (\w+[ '-]){{0,2}}?({SHARED_EN})s?\b (number |ending |in |\w+day ){{0,3}}(was|were|is due|is paid|has been|had|expired|ended|expires|ends|renews|lapsed|opened|activated|closed)\b[^!?;]{{0,40}}$"),
            format!(r"\b(this|the|that) (next |last )?({OWN_EN})\b (number )?[^!?;]{{0,20}}\b(was|is|has been|will be|shipped|arrived|left) [^!?;]{{0,40}}$"),
            format!(r"\b(if|when|since) (you|your \w+|it|they|the \w+)( \w+){{0,2}}? ({DID_EN})\b[^!?]{{0,60}}$"),
            format!(r"\byou('ve|'re| have| had| were| are)?( last| recently| already)? (scheduled|booked|seen|charged|billed|admitted|due|{DID_EN})\b[^!?;]{{0,60}}$"),
            r"\b(reach|contact|call|called|spoke (to|with)|saw|see|seen) you\b[^!?;]{0,40}$".to_string(),
            r"\b(last|latest|most recent|previous) (payment|statement|bill|login|reading|deposit|visit|call|transaction|order)\b[^!?;]{0,50}$".to_string(),
            r"\b(balance|amount due|payment due|available credit|meter reading)\b[^!?;]{0,30}$".to_string(),
            r"\b(purchases?|bills|dated|orders|patients|customers|records|cases|claims|statements|documents|vehicles|homes|policies|accounts|devices|graduates|employees|children|people|anyone|those|bookings|transactions|born|purchased|manufactured|issued|bought|built)( \w+){0,3} (before|after|prior to|between|since|from|in|on|dated|of)( or (before|after))?( the)? $".to_string(),
            format!(r"(您|你)(的|名下的?|所|本次|这次)?.{{0,10}}?({OWN_ZH}).{{0,20}}$"),
            r"(^|[,。:;!])(该|此|本)?(订单|包裹|快件|快递|运单|邮件|货物)(号|编号)?.{0,12}(已|将|预计|于|最迟).{0,4}$".to_string(),
            r"(账单周期|计费周期|结算周期|账期|账单日|还款日|出账日|扣款日|到期日|就诊时间|预约时间|就诊日期|入住日期|离店日期|取件时间|起飞时间|抄表日期|上次.{0,8}(时间|日期))(为|是|:)?$".to_string(),
            r"(用电量|用水量|用气量|电量|水量|流量|余额|积分|里程).{0,4}(截至|截止|截止到)$".to_string(),
            r"(您|你)(预约的|预订的|预定的|订购的|购买的|申请的|提交的|办理的|报名的|寄出的)$".to_string(),
            r"(毕业|出生|购买|购入|入学|生产|出厂|上牌|参保|开户|投保)(于|在)$".to_string(),
        ];
        Patterns {
            before: before.iter().map(|source| regex(source)).collect(),
            asked: regex(r"\b(book|schedule|make|submit|file|send|renew|get|claim|redeem|use|pay|register|order|complete|start|return|bring|secure|reserve|place|mail|update|activate) (in |for )?(your|his|her|their|my)\b|请(您)?(务必|尽快|及时)?(于|在)$"),
            offered: regex(r"优惠|可享|享受|活动|抽奖|赠|送好礼|[一二三四五六七八九0-9]折|免费|减免|可免|立减|统一|可领取|领取(补贴|礼|奖|红包|券|福利|优惠)|补贴|报名|您可(以)?(于|在|前往)|\b(off|free|save|percent|discount|gift|bonus|win|earn|enroll|eligible|reward|offer|promotion|last chance|deadline)\b"),
            opens: regex(r"(您|你)(于|在|已于|已在|的|预约的?|预订的?|订购的?|购买的?|申请的?|提交的?|尾号.{2,8})?(于|在)?$"),
            behind: regex(&format!(r"^.{{0,8}}?({OWN_ZH}|购买|办理|提交|申请|预约|下单|拨打|寄出|签收|到期)")),
            group: regex(r"^(零时|0时|24时)?(之前|以前|前|之后|以后|后|起|期间|间)?(已)?(购买|购入|出生|参保|入职|签约|注册|购机|毕业|退休|开户|投保|生产|出厂|上牌|发生|产生|入学|建成|交付|下单|购票|出票|受理)(过|了)?(的|及|和|或|、|请|,请|并)|^(之前|以前|前|之后|以后)?的.{0,3}(凭证|证明|档案|账单|记录|订单|病历|票据|发票|数据|案件|工单|车辆|用户|客户)"),
            up_to: regex(r"(截至|截止|截止到|截至到)$|\b(as of|as at) $"),
            told: regex(r"^.{0,6}(您|你)的?.{0,8}(余额|欠费|账户|积分|流量|话费|里程|存款|保单|排名)|^,? ?(your|you have|you owe)\b"),
        }
    })
}

/// Whether a date is the caller's own, by the words of its sentence before and behind it.
pub(super) fn own(before: &str, behind: &str) -> bool {
    let p = patterns();
    let before: &str = before.char_indices().rev().nth(NEAR - 1).map_or(before, |(at, _)| &before[at..]);
    let behind: &str = behind.char_indices().nth(NEAR).map_or(behind, |(at, _)| &behind[..at]);
    if p.up_to.is_match(before) && p.told.is_match(behind) {
        return true;
    }
    if p.asked.is_match(before) || p.offered.is_match(before) || p.offered.is_match(behind) {
        return false;
    }
    let by = ["前", "之前", "以前", "截止"].iter().any(|w| behind.starts_with(w));
    p.before.iter().any(|pattern| pattern.is_match(before))
        || p.group.is_match(behind)
        || (!by && p.opens.is_match(before) && p.behind.is_match(behind))
}

#[cfg(test)]
mod tests {
    use crate::understanding::{Context, Stale, read};

    #[test]
    fn what_is_the_callers_own_does_not_age() {
        let context = Context { on: "2026-11-30".parse().ok(), ..Context::default() };
        for (text, stale) in [
            ("Your appointment on 3 March has been confirmed.", false),
            ("您的订单将于11月20日送达,请保持电话畅通。", false),
            ("Your last payment on March 4, 2025 was forty dollars.", false),
            ("您上次登录时间为2025年10月3日。", false),
            ("您预约的10月18日专家门诊已取消。", false),
            ("截至10月31日,您的账户余额为120元。", false),
            ("If you bought your device before January 1, 2023, press 1.", false),
            ("2023年1月1日以前购买的请按1。", false),
            ("Book your appointment before September 30, 2026 and save ten percent.", true),
            ("Submit your application by September 30, 2026.", true),
            ("尊敬的客户,您可于2026年9月30日前参加抽奖活动。", true),
            ("请您于2026年9月30日前完成认证。", true),
        ] {
            assert_eq!(read(text, &context).stale == Stale::Stale, stale, "{text}");
        }
    }
}
