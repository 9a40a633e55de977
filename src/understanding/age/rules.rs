//! The signs of age in a text, and the traps that look like them.

use super::calendar::{self, Holiday};
use super::dates::{self, Mention};
use super::hours::{self, Hours};
use crate::understanding::plain::Plain;
use crate::understanding::reading::{Context, MenuOption, PromptKind, TextFinding, TextFindingKind};
use chrono::{Datelike, NaiveDate, Timelike};
use regex::Regex;
use std::ops::Range;
use std::sync::OnceLock;

/// Days an announcement without a year may lie ahead and be taken for a coming one.
const AHEAD_DAYS: i64 = 45;
/// Beyond that and up to here it may be either.
const AHEAD_DAYS_MAX: i64 = 90;
/// A holiday's words are in season from so many days before it …
const SEASON_BEFORE: i64 = 10;
/// … to so many after.
const SEASON_AFTER: i64 = 5;
/// A notice may stand so many days after its end.
const GRACE_DAYS: i64 = 7;

macro_rules! patterns {
    ($($name:ident = $pattern:literal;)+) => {
        struct Patterns { $($name: Regex),+ }
        fn patterns() -> &'static Patterns {
            static PATTERNS: OnceLock<Patterns> = OnceLock::new();
            PATTERNS.get_or_init(|| Patterns { $($name: Regex::new(&crate::understanding::plain::pattern($pattern)).expect("a pattern of age")),+ })
        }
    };
}

patterns! {
    // Said of what is to come.
    future = r"将(于|在|自|从|会|对|进行|暂停|停止|开|启|关|升|实|调|全面|正式|举|推|陆续|恢复|不再|迁|改|执行|采用|上线|举办|停|有|迎)|即将|拟于|计划于|预计(于|在|将)|敬请期待|届时|\b(will|'ll|going to|upcoming|scheduled (for|to)|shall|plan(s|ning)? to|set to|about to|coming (soon|this)|beginning|starting|commencing|launch(es|ing) (on|in)|(opens?|begins?|starts?|takes? effect) (on|in)|(opens?|begins?|starts?|resumes?|reopens?|commences?) ((january|february|march|april|may|june|july|august|september|october|november|december)|(mon|tues|wednes|thurs|fri|satur|sun)day)[a-z]*)\b";
    // Still in force from then on.
    in_force = r"自.{2,24}(起|开始)|从.{2,24}(起|开始)|起(执行|施行|实施|生效|实行|启用|调整)|现行|已(于|经|在|从|自)|\b(effective|as of|since|in effect|have (moved|changed)|has (moved|changed|been)|were|was|took effect|have been|we moved)\b";
    closure = r"暂停|停止|休息|放假|休假|关闭|停业|停诊|停水|停电|停气|停机|停办|维护|升级|检修|施工|不办公|不营业|不上班|改造|搬迁|迁址|盘点|调休|取消|停运|停航|停驶|限行|封闭|管制|\b(closed|closure|closing|close|maintenance|unavailable|suspend(ed)?|outage|out of (the )?office|offline|shut ?down|holiday hours|limited hours|reduced hours|modified hours|on vacation|construction|renovation|recess|cancel(l?ed|lation)|postponed|detour)\b";
    // What is otherwise than usual for the time of a holiday.
    change = r"高峰|出行|客流|调整|改为|变更|缩短|延长|延迟|提前(至|到)|另行|\b(changed|adjusted|modified|extended|shortened|different)\b";
    promotion = r"优惠|促销|特惠|大促|折扣|打折|满减|抽奖|秒杀|截止|截至|有效期|有效至|报名|申报期|登记期|缴费期|赠送|免费领|领取|限时|活动(时间|日期|截止|期|至|火热|进行|正在)|活动(于|将|从)|活动|庆典|周年庆|展会|讲座|义诊|报到|开课|面试|笔试|演出|招聘会|招生|征集|预售|返场|\b(promotion(s|al)?|promo|offer|special|sale|discount|deal|deadline|expire[sd]?|ends?|ending|valid|register by|apply by|last day|enrollment|registration|sweepstakes|contest|giveaway|rebate|limited time|event|festival|workshop|webinar|conference|clinic|fair|coupon|savings|contest|raffle|season|picnic|party|concert|parade|open house|seminar|exhibit(ion)?|fundraiser|gala|tournament|due (on|by)|no later than|must be (received|submitted|postmarked))\b";
    invitation = r"\b(ask (us )?about|learn (more )?about|join|register|apply|sign up|enroll?|book|reserve|for our|check out|hear about|press|now accepting|tickets for|now available)\b";
    // Said of a year that is meant to stay.
    founding = r"截至.{2,12}(已|共有|累计)|成立|创立|创办|创建|始于|始建|建于|建校|建院|建行|建厂|创始|开业于|诞生|百年|历史|至今|以来|获|荣|评为|评选|第[一二三四五六七八九十]名|版权|突破|累计|达到|备案|许可证|icp|\b(since|founded|established|est|incorporated|copyright|serving|voted|awarded|award|named|ranked|rated|winner|chartered|opened in|built in|born|history|anniversary of|over \d+ years|all rights)\b|©|\(c\)";
    product = r"款|车型|型号|版本|年版|版(本)?|届|级(学生|新生|本科)|系列|编号|条例|规定|办法|法案|标准号|文件|号文|修订|颁布|发布的|印发|出台|第.{1,6}条|\b(windows|office|model|form|version|edition|exchange|sql server|server|visual studio|act of|section|title|series|class of|mazda|f-150|iso|standard|publication|code|regulation|vintage|vision|agenda|census|sedan|suv|truck|vehicles?|ford|toyota|honda|camry|corolla|civic|tesla|chevrolet|recall)\b";
    place = r"(路|街|道|巷|弄|大厦|广场|村|里)(\d|[一二三四五六七八九〇零]){1,6}号|\b\d{3,5} (\w+ ){1,3}(street|st|avenue|ave|road|rd|drive|dr|lane|ln|boulevard|blvd|highway|hwy|way|court|place|parkway)\b|\b(suite|room|route|highway|p\.?o\.? box|zip|extension|ext|building|unit|apartment)\b";
    number = r"工号|话机|电话号|\b(caller|ticket|case|order|invoice|account|confirmation|reference|flight|bus|train|badge|agent|employee|operator|number|call us|channel) (number |no |id |is |at |ends in |ending in |ends with )*#?\d";
    tax = r"税|汇算|年检|年审|年报|年度(报告|体检|考核|审计|决算)|财年|\b(tax(es)?|fiscal|1040|w-?2|1099|return|refund|filing)\b";
    every = r"法定节假日|等节假日|等节日|每年|每逢|每月|往年|历年|\b(every year|each year|annually|yearly|all (major |federal |public |bank |national |legal |statutory )?holidays|major holidays)\b";
    except = r"除外|除(法定|国家|春节|节假日)|(法定)?节假日(照常|正常|无休|不休)|不含|全年无休|春节不打烊|\b(except|excluding|including holidays|other than|even on|we are open on)\b";
    pandemic = r"疫情|新冠|新型冠状|核酸|健康码|行程码|防疫|封控|方舱|covid|coronavirus|pandemic|social distanc|lockdown|mask mandate|face (mask|covering)s?";
    medical = r"疫苗|接种|检测(预约|服务|请)|后遗症|门诊|vaccin|booster|test(ing)? (site|appointment|kit|result)|covid-?\s?(19)? (test|vaccine|result)|long covid";
    greeting = r"早上好|早安|上午好|中午好|下午好|晚上好|晚安|\bgood (morning|afternoon|evening)\b";
    animal = r"(鼠|牛|虎|兔|龙|蛇|马|羊|猴|鸡|狗|猪)年(大吉|吉祥|快乐|行大运|到|好运|新春|春节|贺|特惠|纪念|安康|如意|有|旺)|(祝|恭贺|喜迎|迎接|欢度).{0,6}(鼠|牛|虎|兔|龙|蛇|马|羊|猴|鸡|狗|猪)年|year of the (rat|ox|tiger|rabbit|dragon|snake|horse|goat|sheep|monkey|rooster|dog|pig)";
    wishes = r"快乐|祝|恭贺|佳节|吉祥|大吉|团圆|安康|贺|\b(happy|merry|wish|blessed|greetings|celebrat\w*|enjoy)\b";
    street = r"^(路|街|广场|大道|社区|店|支行|小区|站|村|镇|桥|园|大厦|分理处|网点|医院|小学|中学)";
}

/// Events that are over, with their last day.
const EVENTS: &[(&str, (i32, u32, u32))] = &[
    ("北京冬奥", (2022, 3, 13)),
    ("冬奥会", (2026, 2, 22)),
    ("大运会", (2023, 8, 8)),
    ("杭州亚运", (2023, 10, 8)),
    ("亚运会", (2026, 10, 4)),
    ("巴黎奥运", (2024, 8, 11)),
    ("东京奥运", (2021, 8, 8)),
    ("世博会期间", (2010, 10, 31)),
    ("世界杯期间", (2026, 7, 19)),
    ("2026年世界杯", (2026, 7, 19)),
    ("paris olympics", (2024, 8, 11)),
    ("tokyo olympics", (2021, 8, 8)),
    ("world cup 2026", (2026, 7, 19)),
    ("2026 world cup", (2026, 7, 19)),
    ("year 2000 problem", (2000, 1, 1)),
];

struct Text<'a> {
    plain: &'a Plain<'a>,
    text: String,
    /// Byte in `text` of every character, and the end.
    bytes: Vec<usize>,
    on: NaiveDate,
}

pub(super) fn findings(plain: &Plain, context: &Context, kind: PromptKind, options: &[MenuOption]) -> Vec<TextFinding> {
    let mut text = String::with_capacity(plain.len() * 3);
    let mut bytes = Vec::with_capacity(plain.len() + 1);
    for &c in &plain.chars {
        bytes.push(text.len());
        text.push(if c == '’' { '\'' } else { c });
    }
    bytes.push(text.len());
    let mut found = Vec::new();
    if let Some(on) = context.on {
        let text = Text { plain, text, bytes, on };
        let mut mentions = dates::mentions(plain);
        text.inherit_years(&mut mentions);
        let dated = text.dated(&mentions, &mut found);
        if !dated.ahead {
            text.holidays(&dated, options, &mut found);
            text.animals(&mut found);
        }
        text.events(options, &mut found);
        text.hours(context, kind, &mut found);
        text.greeting(context, &mut found);
    }
    found
}

/// What the dates of a text came to.
#[derive(Default)]
struct Dated {
    /// Something lies ahead: the text speaks of the future.
    ahead: bool,
    /// Holidays whose own dates were said in their sentence.
    holidays: Vec<&'static str>,
}

/// How a date relates to today.
enum When {
    Past(NaiveDate, Sure),
    Ahead,
    /// Could be this year's or next year's.
    Either,
    Nothing,
}

#[derive(PartialEq)]
enum Sure {
    Said,
    Inferred,
}

/// "Happy holidays and a prosperous 2025".
fn wished_year(words: &str) -> bool {
    ["happy new year", "happy holidays", "prosperous", "新年快乐", "元旦快乐"].iter().any(|w| words.contains(w))
}

/// Hours that are told with the holiday are its own.
fn hours_of(words: &str) -> bool {
    words.contains(['点', ':', '时']) && words.chars().any(|c| c.is_ascii_digit() || "一二三四五六七八九十".contains(c))
}

impl Text<'_> {
    fn slice(&self, range: &Range<usize>) -> &str {
        &self.text[self.bytes[range.start]..self.bytes[range.end]]
    }

    fn chars_at(&self, byte: usize) -> usize {
        self.bytes.partition_point(|b| *b < byte)
    }

    /// The sentence around these characters.
    fn sentence(&self, range: &Range<usize>) -> Range<usize> {
        use crate::understanding::menu::parting;
        let chars = &self.plain.chars;
        let from = (0..range.start)
            .rev()
            .take(160)
            .find(|&i| parting(chars, i) >= 6)
            .map_or(range.start.saturating_sub(160), |i| i + 1);
        let to = (range.end..chars.len())
            .take(160)
            .find(|&i| parting(chars, i) >= 6)
            .unwrap_or((range.end + 160).min(chars.len()));
        from..to
    }

    fn finding(
        &self,
        kind: TextFindingKind,
        range: &Range<usize>,
        score: u8,
        expired_on: Option<NaiveDate>,
        detail: String,
    ) -> TextFinding {
        let span = self.plain.span(range.clone());
        TextFinding { kind, quote: self.plain.given[span.clone()].to_string(), detail, expired_on, score, span }
    }

    /// "2026年春节放假通知:2月15日至2月23日": a date takes the year said before it in the same sentence.
    fn inherit_years(&self, mentions: &mut [Mention]) {
        for i in 1..mentions.len() {
            let (before, rest) = mentions.split_at_mut(i);
            let (Some(last), Some(this)) = (before.last(), rest.first_mut()) else { continue };
            let Some(year) = last.to.year.filter(|_| this.to.year.is_none() && this.to.month.is_some()) else {
                continue;
            };
            if self.is_trap(last, &self.sentence(&last.range))
                || self.sentence(&last.range) != self.sentence(&this.range)
            {
                continue;
            }
            // A later month follows; an earlier one is next year's after a full date.
            let turned = last.to.month.is_some_and(|m| this.from.month.is_some_and(|n| n < m));
            let year = year + i32::from(turned);
            this.from.year = this.from.year.or(Some(year));
            this.to.year = Some(if this.to.month < this.from.month { year + 1 } else { year });
        }
    }

    fn dated(&self, mentions: &[Mention], found: &mut Vec<TextFinding>) -> Dated {
        let p = patterns();
        let mut dated = Dated::default();
        let mut signs = Vec::new();
        for mention in mentions {
            let sentence = self.sentence(&mention.range);
            let words = self.slice(&sentence);
            let whole = self.text.as_str();
            if self.is_trap(mention, &sentence) {
                continue;
            }
            let holiday = calendar::named(words).into_iter().map(|(h, _)| h.id).next();
            dated.holidays.extend(holiday);
            match self.when(mention, words) {
                When::Nothing => {}
                When::Ahead => dated.ahead = true,
                When::Either => {
                    let notice = p.closure.is_match(words) || p.promotion.is_match(words) || p.future.is_match(words);
                    if notice {
                        signs.push(self.finding(
                            TextFindingKind::PastDate,
                            &mention.range,
                            40,
                            None,
                            "a date without a year: this year's or the next one's".into(),
                        ));
                    }
                }
                When::Past(end, sure) => {
                    let future = p.future.is_match(words);
                    let in_force = p.in_force.is_match(words);
                    let closure =
                        p.closure.is_match(words) || (words.chars().count() < 24 && p.closure.is_match(whole));
                    let promotion =
                        p.promotion.is_match(words) || (words.chars().count() < 24 && p.promotion.is_match(whole));
                    let promotion = promotion || self.is_deadline(mention);
                    let days = (self.on - end).num_days();
                    let year_only = mention.to.month.is_none();
                    let last_year = end.year() < self.on.year();
                    let (score, why) = if future {
                        (90, "announced as to come")
                    } else if (closure || promotion || (holiday.is_some() && !in_force))
                        && !(in_force && self.opens_on(words))
                    {
                        match days {
                            ..=GRACE_DAYS => (50, "ended"),
                            _ => (90, "ended"),
                        }
                    } else if in_force {
                        (if last_year { 30 } else { 20 }, "a rule in force since")
                    } else if last_year && wished_year(words) {
                        (80, "wished for a year that is over")
                    } else if mention.season && last_year && p.invitation.is_match(words) {
                        (80, "a season that is over")
                    } else if last_year && (sure == Sure::Said || mention.weekday.is_some()) {
                        (50, "a date of a past year")
                    } else {
                        continue;
                    };
                    let kind = match (holiday, year_only) {
                        (Some(_), _) => TextFindingKind::PastHoliday,
                        (None, true) => TextFindingKind::PastYear,
                        _ if score <= 50 && last_year && days > GRACE_DAYS => TextFindingKind::PastYear,
                        _ => TextFindingKind::PastDate,
                    };
                    let expired = (!mention.season).then_some(end);
                    signs.push(self.finding(
                        kind,
                        &mention.range,
                        score,
                        expired,
                        format!("{why}: {end}, {days} days ago"),
                    ));
                }
            }
        }
        // Something ahead in the same text: it was brought up to date.
        if dated.ahead {
            for sign in &mut signs {
                sign.score = sign.score.min(20);
            }
        }
        // One notice that names its date twice is one sign.
        signs.sort_by_key(|s| std::cmp::Reverse(s.score));
        let mut seen = Vec::new();
        signs.retain(|s| {
            let new = !seen.contains(&s.kind);
            seen.push(s.kind);
            new
        });
        found.extend(signs.into_iter().filter(|s| s.score >= 20));
        dated
    }

    /// "9月30日前", "by March 31st".
    fn is_deadline(&self, mention: &Mention) -> bool {
        let plain = self.plain;
        let after = ["前", "之前", "以前", "止", "为止", "截止"].iter().any(|w| plain.starts(mention.range.end, w));
        let before = self.slice(&(mention.range.start.saturating_sub(8)..mention.range.start));
        let words = [" by ", " before ", " until ", " through ", " till ", "截至", "截止"];
        after || words.iter().any(|w| before.trim_end().ends_with(w.trim()) && before.contains(w.trim()))
    }

    /// "已于…恢复": it speaks of what is in force again.
    fn opens_on(&self, words: &str) -> bool {
        ["恢复", "迁至", "搬迁至", "迁址", "已升级", "resumed", "reopened", "moved"].iter().any(|w| words.contains(w))
    }

    fn when(&self, mention: &Mention, sentence: &str) -> When {
        let on = self.on;
        let end = mention.to;
        let Some(year) = end.year else {
            return self.when_without_year(mention, sentence);
        };
        let Some(last) = end.last_day(year) else { return When::Nothing };
        if patterns().tax.is_match(sentence) && end.month.is_none() && year >= on.year() - 1 {
            return When::Nothing;
        }
        if last >= on {
            if mention.to.month.is_none() && year == on.year() { When::Nothing } else { When::Ahead }
        } else {
            When::Past(last, Sure::Said)
        }
    }

    /// The weekday tells the year, else the nearness does.
    fn when_without_year(&self, mention: &Mention, sentence: &str) -> When {
        let (on, end) = (self.on, mention.to);
        if end.month.is_none()
            || (end.day.is_none()
                && mention.weekday.is_none()
                && !patterns().closure.is_match(sentence)
                && !patterns().promotion.is_match(sentence))
        {
            return When::Nothing;
        }
        if patterns().every.is_match(sentence) {
            return When::Nothing;
        }
        // The start counts for the weekday, the end for the expiry; a stretch may cross New Year.
        let crosses = end.month < mention.from.month;
        if let Some(weekday) = mention.weekday {
            let fits = |year: i32| {
                let start = mention.from.last_day(year).filter(|d| d.weekday() == weekday)?;
                end.last_day(year + i32::from(crosses)).map(|e| e.max(start))
            };
            if let Some(next) = (on.year() - 1..=on.year() + 1).filter_map(fits).find(|d| *d >= on)
                && (next - on).num_days() <= 300
            {
                return When::Ahead;
            }
            return match (on.year() - 11..=on.year()).rev().filter_map(fits).find(|d| *d < on) {
                Some(last) => When::Past(last, Sure::Inferred),
                None => When::Either,
            };
        }
        let ends: Vec<NaiveDate> =
            (on.year() - 1..=on.year() + 1).filter_map(|y| end.last_day(y + i32::from(crosses))).collect();
        let starts: Vec<NaiveDate> = (on.year() - 1..=on.year() + 1).filter_map(|y| mention.from.last_day(y)).collect();
        // Today lies inside a stretch.
        if starts.iter().zip(&ends).any(|(s, e)| *s <= on && on <= *e && *s < *e) {
            return When::Ahead;
        }
        let next = ends.iter().find(|d| **d >= on);
        let last = ends.iter().rev().find(|d| **d < on);
        match (next.map(|d| (*d - on).num_days()), last) {
            (Some(ahead), _) if ahead <= AHEAD_DAYS => When::Ahead,
            (_, Some(last)) if (on - *last).num_days() <= 30 => When::Past(*last, Sure::Inferred),
            (Some(ahead), _) if ahead <= AHEAD_DAYS_MAX => When::Either,
            (_, Some(last)) => When::Past(*last, Sure::Inferred),
            _ => When::Nothing,
        }
    }

    /// Years and numbers that only look like a date that has passed.
    fn is_trap(&self, mention: &Mention, sentence: &Range<usize>) -> bool {
        let p = patterns();
        let words = self.slice(sentence);
        let chars = &self.plain.chars;
        let Range { start, end } = mention.range;
        if p.every.is_match(words) && mention.to.year.is_none() {
            return true;
        }
        let near = start.saturating_sub(14)..(end + 14).min(chars.len());
        let near_words = self.slice(&near);
        if p.founding.is_match(near_words) && !(p.promotion.is_match(near_words) && p.future.is_match(words)) {
            return true;
        }
        if mention.to.month.is_some() {
            // "版本2020.4"
            let written = self.slice(&mention.range).contains(['.', '-']) && mention.to.day.is_none();
            return written && (p.product.is_match(near_words) || p.number.is_match(near_words));
        }
        // A bare year.
        let around = self.slice(&(start.saturating_sub(24)..(end + 24).min(chars.len())));
        let tight = self.slice(&(start.saturating_sub(2)..(end + 8).min(chars.len())));
        let product =
            p.product.is_match(if self.plain.lang(None) == crate::vocabulary::Lang::Zh { tight } else { around });
        if product || p.place.is_match(around) || p.number.is_match(around) {
            return true;
        }
        if p.tax.is_match(words) && mention.to.year.is_some_and(|y| y >= self.on.year() - 1) {
            return true;
        }
        // "in 2019 we": an English year without a notice around it says nothing.
        let chinese = chars[start..end].contains(&'年');
        let notice = p.promotion.is_match(words)
            || p.closure.is_match(words)
            || p.future.is_match(words)
            || wished_year(words)
            || words.contains("as of ")
            || words.contains("effective ");
        !(notice || chinese || mention.season)
    }

    fn holidays(&self, dated: &Dated, options: &[MenuOption], found: &mut Vec<TextFinding>) {
        let p = patterns();
        let mut named: Vec<(&'static Holiday, Range<usize>)> = calendar::named(&self.text)
            .into_iter()
            .map(|(h, r)| (h, self.chars_at(r.start)..self.chars_at(r.end)))
            .collect();
        // "Chinese New Year" is not 1 January; "春节" beside "新年快乐" is one occasion.
        if named.iter().any(|(h, _)| h.id == "spring_festival") {
            named.retain(|(h, _)| h.id != "new_year");
        }
        if named.iter().any(|(h, _)| h.id == "christmas" || h.id == "new_year") {
            named.retain(|(h, _)| h.id != "holidays");
        }
        // Several feasts without a date are the house rules, unless they are wished.
        let feasts = named.len();
        // "新年快乐" is said at both of them.
        let new_years = named.iter().any(|(h, _)| h.id == "new_year") && self.text.contains("新年");
        let lunar = calendar::named("春节").into_iter().any(|(h, _)| self.in_season(h, SEASON_BEFORE));
        if new_years && lunar {
            return;
        }
        // In season for one is in season.
        if named.iter().any(|(h, _)| self.in_season(h, SEASON_BEFORE)) {
            return;
        }
        for (holiday, range) in named {
            if dated.holidays.contains(&holiday.id) {
                continue;
            }
            let sentence = self.sentence(&range);
            let words = self.slice(&sentence);
            let after: String = self.plain.chars[range.end..].iter().take(4).collect();
            if p.street.is_match(&after) || p.every.is_match(words) || p.except.is_match(words) {
                continue;
            }
            let wishes = p.wishes.is_match(words);
            if feasts >= 2 && !wishes && !p.future.is_match(words) && feasts > 2 {
                continue;
            }
            let (last, next) = holiday.around(self.on);
            let ahead = next.map(|n| (n.0 - self.on).num_days());
            let during = ["作息", "hours", "schedule", "期间", "假期", "小长假", "长假", "黄金周", "放假", "当天"];
            let span = range.start..(range.end + 4).min(self.plain.len());
            let during = during.iter().any(|w| self.slice(&span).contains(w));
            let announces = p.change.is_match(words)
                || p.closure.is_match(words)
                || p.promotion.is_match(words)
                || p.future.is_match(words);
            // "春节期间业务办理以公告为准" may be meant for the next one: nothing in it has passed.
            if during && !announces && !wishes && !hours_of(words) {
                continue;
            }
            let announces = announces || during;
            // A closure or an offer is announced weeks ahead; a wish is not.
            if announces && !wishes && ahead.is_some_and(|d| d <= AHEAD_DAYS) {
                continue;
            }
            let in_option = options.iter().any(|o| {
                let span = self.plain.span(range.clone());
                o.span.start <= span.start && span.end <= o.span.end
            });
            let habitual = !wishes
                && !in_option
                && !p.future.is_match(words)
                && (words.contains("closed on") || words.contains("are closed"));
            let score = match (ahead, wishes || announces) {
                _ if habitual || feasts >= 2 && !wishes => 40,
                // Wishes for Christmas and the year's end are said for weeks before.
                (Some(d), _) if d <= 30 && wishes && matches!(holiday.id, "christmas" | "new_year" | "holidays") => 40,
                (Some(d), _) if d <= 2 * SEASON_BEFORE + 1 && !wishes => 40,
                (_, true) => 80,
                _ => 40,
            };
            let expired = last.map(|l| l.1);
            let detail =
                expired.map_or("out of season".to_string(), |day| format!("out of season: it last ended on {day}"));
            found.push(self.finding(TextFindingKind::PastHoliday, &range, score, expired, detail));
            break;
        }
    }

    fn in_season(&self, holiday: &Holiday, before: i64) -> bool {
        let (last, next) = holiday.around(self.on);
        last.is_some_and(|l| (self.on - l.1).num_days() <= SEASON_AFTER)
            || next.is_some_and(|n| (n.0 - self.on).num_days() <= before)
    }

    /// "龙年大吉" in the year of the horse.
    fn animals(&self, found: &mut Vec<TextFinding>) {
        let Some(m) = patterns().animal.find(&self.text) else { return };
        let zh = "鼠牛虎兔龙蛇马羊猴鸡狗猪";
        let en =
            ["rat", "ox", "tiger", "rabbit", "dragon", "snake", "horse", "goat", "monkey", "rooster", "dog", "pig"];
        let said = m.as_str();
        let animal = said
            .char_indices()
            .find_map(|(i, c)| zh.chars().position(|a| a == c && said[i..].starts_with(&format!("{c}年"))))
            .or_else(|| en.iter().position(|a| said.ends_with(a)));
        let Some(animal) = animal else { return };
        let soon = self.on + chrono::Days::new(30);
        // On the eve of the next year the old one is wished no more.
        let eve = self.on + chrono::Days::new(20);
        let ends = calendar::animal(self.on) == animal as u32 && calendar::animal(eve) != animal as u32;
        let wished = ["吉祥", "大吉", "快乐", "安康", "如意", "行大运", "happy"].iter().any(|w| self.text.contains(w));
        if !(ends && wished) && [calendar::animal(self.on), calendar::animal(soon)].contains(&(animal as u32)) {
            return;
        }
        let range = self.chars_at(m.start())..self.chars_at(m.end());
        found.push(self.finding(TextFindingKind::PastYear, &range, 80, None, "another lunar year".into()));
    }

    fn events(&self, options: &[MenuOption], found: &mut Vec<TextFinding>) {
        let p = patterns();
        if let Some(m) = p.pandemic.find(&self.text) {
            let range = self.chars_at(m.start())..self.chars_at(m.end());
            let sentence = self.sentence(&range);
            let span = self.plain.span(range.clone());
            let offered = options.iter().any(|o| o.span.start <= span.start && span.end <= o.span.end);
            let over = ["结束", "已过", "解除", " is over", " are over", "ended", "no longer"]
                .iter()
                .any(|w| self.slice(&sentence).contains(w));
            let score = if p.medical.is_match(self.slice(&sentence)) || over {
                0
            } else if offered {
                30
            } else {
                60
            };
            if score > 0 {
                found.push(self.finding(
                    TextFindingKind::PastEvent,
                    &range,
                    score,
                    None,
                    "the pandemic's rules are over".into(),
                ));
            }
        }
        for (event, (y, m, d)) in EVENTS {
            let Some(at) = self.text.find(event) else { continue };
            let Some(end) = NaiveDate::from_ymd_opt(*y, *m, *d).filter(|e| (self.on - *e).num_days() > GRACE_DAYS)
            else {
                continue;
            };
            let range = self.chars_at(at)..self.chars_at(at + event.len());
            found.push(self.finding(TextFindingKind::PastEvent, &range, 60, Some(end), format!("over since {end}")));
            break;
        }
    }

    fn hours(&self, context: &Context, kind: PromptKind, found: &mut Vec<TextFinding>) {
        let declared = context.hours.as_deref().and_then(Hours::parse);
        let announced = hours::announced(self.plain);
        let whole = 0..self.plain.len().min(120);
        if let (Some(announced), Some(declared)) = (&announced, &declared)
            && let Some(day) = hours::differ(announced, declared)
        {
            let detail = format!("the hours announced are not the hours declared ({day})");
            found.push(self.finding(TextFindingKind::WrongHours, &announced.range, 80, None, detail));
            return;
        }
        let Some(at) = context.at else { return };
        if kind != PromptKind::Closed {
            return;
        }
        let holiday = !calendar::named(&self.text).is_empty() || calendar::is_day_off(self.on) == Some(true);
        if let Some(true) = declared.as_ref().and_then(|h| h.open(self.on, at)) {
            // A holiday's closure inside the hours of ordinary days is no contradiction.
            let score = if holiday { 40 } else { 80 };
            found.push(self.finding(
                TextFindingKind::WrongHours,
                &whole,
                score,
                None,
                "says it is closed within the hours declared".into(),
            ));
            return;
        }
        if let Some(announced) = &announced
            && declared.is_none()
            && !holiday
            && hours::includes(announced, self.on, at)
        {
            let detail = "says it is closed within the hours it announces".to_string();
            found.push(self.finding(TextFindingKind::WrongHours, &announced.range, 80, None, detail));
        }
    }

    fn greeting(&self, context: &Context, found: &mut Vec<TextFinding>) {
        let Some(at) = context.at else { return };
        let Some(m) = patterns().greeting.find(&self.text) else { return };
        let minute = at.hour() * 60 + at.minute();
        let (from, to) = match m.as_str() {
            "早上好" | "早安" => (4 * 60, 11 * 60 + 30),
            "上午好" => (5 * 60, 12 * 60 + 30),
            "good morning" => (4 * 60, 12 * 60 + 15),
            "中午好" => (11 * 60, 14 * 60 + 30),
            "下午好" => (12 * 60, 19 * 60),
            "good afternoon" => (11 * 60 + 45, 18 * 60 + 30),
            "good evening" => (16 * 60, 28 * 60),
            _ => (17 * 60, 28 * 60),
        };
        if (from..to).contains(&minute) || (from..to).contains(&(minute + 1440)) {
            return;
        }
        let range = self.chars_at(m.start())..self.chars_at(m.end());
        found.push(self.finding(
            TextFindingKind::WrongGreeting,
            &range,
            40,
            None,
            format!("said at {}", at.format("%H:%M")),
        ));
    }
}
