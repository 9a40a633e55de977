//! Words that tell what a sentence with a date is about: something to come, a closure, an offer, a founding, a product.

use regex::Regex;
use std::sync::OnceLock;

macro_rules! patterns {
    ($($name:ident = $pattern:literal;)+) => {
        pub(super) struct Patterns { $(pub $name: Regex),+ }
        pub(super) fn patterns() -> &'static Patterns {
            static PATTERNS: OnceLock<Patterns> = OnceLock::new();
            PATTERNS.get_or_init(|| Patterns { $($name: Regex::new(&crate::understanding::plain::pattern($pattern)).expect("a pattern of age")),+ })
        }
    };
}

patterns! {
    // Said of what is to come.
    future = r"将至|将到|临近|\b(fares?|rates?|prices?|hours|fees|charges) (go|rise|increase|change|drop)( up| down)?\b|将(于|在|自|从|会|对|进行|暂停|停止|开|启|关|升|实|调|全面|正式|举|推|陆续|恢复|不再|迁|改|执行|采用|上线|举办|停|有|迎)|将(变|更|取消|统一|撤|合并|转为|降|上调|下调|按|于)|定于|即将|拟于|计划于|预计(于|在|将)|敬请期待|届时|\b(will|'ll|going to|upcoming|scheduled (for|to)|shall|plan(s|ning)? to|set to|about to|coming (soon|this)|beginning|starting|commencing|launch(es|ing) (on|in)|(opens?|begins?|starts?|takes? effect) (on|in)|(opens|begins|starts|increases|rises|goes up|changes|takes? place|takes effect|launches|kicks off|reopens|resumes|goes live) (\w+ ){0,4}(on|from)|(opens?|begins?|starts?|resumes?|reopens?|commences?) ((january|february|march|april|may|june|july|august|september|october|november|december)|(mon|tues|wednes|thurs|fri|satur|sun)day)[a-z]*)\b";
    // Still in force from then on.
    in_force = r"自.{2,24}(起|开始)|从.{2,24}(起|开始)|起(执行|施行|实施|生效|实行|启用|调整)|现行|起,?.{0,12}已(取消|停|不再|撤|关|并)|已(于|经|在|从|自)|\b(no longer|effective|as of|since|in effect|have (moved|changed)|has (moved|changed|been)|were|was|took effect|have been|we moved)\b";
    // What stands before the day of something that is done,
    done = r"已(经)?(于|在)?$|\b(ended|concluded|expired|took place|finished|(survey|voting|polls?|registration|nominations|applications|entries|contest|competition|auction) (has |have )?closed) (on |in )?(the )?$|\b(was|were|has been|have been) (\w+ ){0,3}(held|completed|concluded|ended|discontinued|retired) (on |in )?(the )?$";
    // behind it,
    finished = r"^.{0,6}(圆满)?(完成|结束|落幕|闭幕|截止|公布|发放|举行|举办)";
    // and before the day it was put off to.
    moved = r"(改至|改到|改期至|延期至|延期到|推迟至|推迟到|延至|顺延至|顺延到|提前至|提前到|移至)$|\b(moved|rescheduled|postponed|pushed back|put back|brought forward|delayed|extended) (to|until|till) (the )?$";
    closure = r"闭馆|休馆|闭园|停课|停工|停产|停售|停演|歇业|停暖|暂停|停止|休息|放假|休假|关闭|停业|停诊|停水|停电|停气|停机|停办|维护|升级|检修|施工|不办公|不营业|不上班|改造|搬迁|迁址|盘点|调休|取消|停运|停航|停驶|限行|封闭|管制|延误|\b(closed|closures?|closing|close|maintenance|unavailable|suspend(ed)?|outage|out of (the )?office|offline|shut ?down|holiday hours|limited hours|reduced hours|modified hours|on vacation|construction|renovation|recess|cancel(l?ed|lation)|postponed|detour|delay(s|ed)?|disruptions?|strike|road ?works?)\b";
    // What is otherwise than usual for the time of a holiday.
    change = r"高峰|出行|客流|调整|改为|变更|缩短|延长|延迟|提前(至|到)|另行|\b(changed|adjusted|modified|extended|shortened|different)\b";
    promotion = r"请记得|别忘了|不要忘记|预定|预订|抢购|热卖|热销|开售|\b(last chance|don't miss|closes)\b|优惠|可享|[一二三四五六七八九0-9]折|即日起|促销|特惠|大促|折扣|打折|满减|抽奖|秒杀|截止|截至|有效期|有效至|报名|申报期|登记期|缴费(期|已|开始|截止)|赠送|免费领|领取|限时|活动(时间|日期|截止|期|至|火热|进行|正在)|活动(于|将|从)|活动|庆典|周年庆|展会|讲座|义诊|报到|开课|面试|笔试|演出|招聘会|招生|征集|预售|返场|\b(promotion(s|al)?|promo|offer|special|sale|discount|deal|deadline|expire[sd]?|ends?|ending|valid|register by|apply by|last day|enrollment|registration|sweepstakes|contest|giveaway|remember to|don't forget|be sure to|make sure (to|you)|see you (on|at|there)|save the date|mark your calendars?|rebate|limited time|event|festival|workshop|webinar|conference|clinic|fair|coupon|savings|contest|raffle|season|picnic|party|concert|parade|open house|seminar|exhibit(ion)?|fundraiser|gala|tournament|expo|trade show|home show|due (on|by|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*)|grand opening|join us|elections?|primary|polls|nominations?|semester|pricing|tickets|no later than|must be (received|submitted|postmarked))\b";
    // What is called back or told apart by the day it was made.
    batch = r"批次|批号|生产日期|保质期|召回|\b(best before|expiry date|batch|lot numbers?|recall(ed|s)?)\b";
    // When it is closed as a rule,
    usual = r"(非工作时间|非营业时间|非办公时间|下班后|下班时间|夜间|周末|节假日)(,)?(如有|如需|若有|请|可|如)|周末(及|和|、)?(法定)?(节假日)?(休息|不办公|不营业)|\bclosed (on )?(weekends?|saturdays?|sundays?|(all |major |federal |public |bank )*holidays|every)|\b(outside|after)( of)?( our)?( normal| regular| office| business| working| opening)* hours,? (please )?(press|call|dial|you can|you may)|\bif you are calling (us )?(outside|after)|\bfor (after|out of) ?-?hours";
    // and that it is so at once.
    at_once = r"现在|当前|目前|今天|今日|此刻|已经?(下班|关门|打烊|停止)|还没|尚未|\b(now|currently|presently|right now|at this time|at the moment|today|you have (called|reached)|you've (called|reached))\b";
    // Said of these days.
    present = r"今天|今日|本店|本馆|本院|我们|营业|开放|照常|欢迎|凭票|\b(today|tomorrow|tonight|this|weekend|open|opens|close[sd]?|now|see you|come|get ready|menus?|brunch|dinner|buffet|hampers?|bouquets?|gift boxes|packages?|in stock|on sale|hours|specials?|all (day|week))\b";
    // What may happen one day.
    may_be = r"如遇|如因|若遇|若因|不可抗力|\b(in case of|in the event of|should there be)\b";
    // Told as over: what was held, who is thanked for having come.
    told = r"\b(was|were)\b|\bthank(s| you)( all| everyone| to all)? (who |for )(attend|join|com|participat|vot|came|support)\w*|感谢.{0,8}(参与|参加|莅临|光临本次)";
    // A day that only the day of the recording tells.
    relative = r"下周|下个?星期|下礼拜|下个?月|明天|明晚|明日|后天|本周[一二三四五六日末]|\b(tomorrow|next (week|month|monday|tuesday|wednesday|thursday|friday|saturday|sunday)|later this week|this coming)\b";
    // and nothing announced: when somebody may call again.
    again = r"(请|可)(您|在|于)?(明天|明日|明早|下周|后天)|(明天|明日|下周).{0,8}(再|来电|致电|拨打|联系)|\b(call|try|come|phone)\b.{0,24}\b(tomorrow|next week|next monday)|tomorrow at|open(s|ing)? (again )?(tomorrow|next)|reopen\w* (tomorrow|next)|您的|\byour\b|\bfor (today|tomorrow|next)|每|every";
    // A day is near.
    coming = r"将至|将到|临近|在即|来临|即将到来|\b(is coming|are coming|approach(es|ing)|around the corner|upcoming|coming up|almost here)\b";
    // Rules of the pandemic, whatever is said of vaccines.
    distance = r"\b(six|6) feet of distance|\btwo met(er|re)s apart|(须|需|请|凭|必须|应).{0,16}(阴性|佩戴|查验|测温)|\b(must|required to|have to|asked to|need to) (\w+ ){0,4}(negative|masks?|proof|vaccinated|distance|temperatures?)\b|社交距离|健康码|行程码|行程卡|封控|方舱|social distanc|lockdown|mask mandate|six feet apart|proof of vaccination";
    // What may stand before the last day of something.
    deadline = r"(持续|开放|展出|延续|延长|保留|有效|运行|供应|营业|服务)(到|至)$|\b(until|till|through|thru)( the| its| our)( [\w'-]+){1,3}( on)?( \w+day,?)?( the)? ?$|(截至|截止|截止到|截止日期(为|是)|即日起(至|到)|至|止于)$|\b(by|before|until|till|through|thru|no later than)( midnight| noon| close of business| (\d{1,2}(:\d\d)?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve) ?([ap]\.?m\.?|o'clock)?| the end of)?,?( on)?( \w+day,?)?( the)? ?$";
    stretch = r"\b(to|until|till|through)( midnight| noon| \d{1,2}(:\d\d)? ?([ap]\.?m\.?)?)( on)?( the)? ?$";
    // What stands before a stretch that something is open for.
    period = r"(时间|日期|期限|时段)(为|是|:|定为|定于)(每日)?$|\b(window|period|session|season|run|exhibition|exhibit|show) (is|runs|lasts|opens|is open)( from)?( the)? $";
    // A day that was near when it was said is no other year's.
    of_the_day = r"今晚|今天|今日|昨晚|昨天|昨日|明天|明晚|本周|\b(today|tonight|tomorrow|yesterday|last night|this (morning|afternoon|evening|weekend|mon|tues|wednes|thurs|fri|satur|sun)[a-z]*)\b";
    // Said when the day is over.
    retrospect = r"\b(hope (that )?you( all)? (had|enjoyed)|trust you had)\b|(希望|祝愿)您?(度过|过)了";
    invitation = r"\b(ask (us )?about|learn (more )?about|join|register|apply|sign up|enroll?|book|reserve|for our|check out|hear about|press|now accepting|tickets for|now available)\b";
    // Said of a year that is meant to stay.
    founding = r"先进|优秀|示范|十佳|金奖|截至.{2,24}(已|共有|累计)|成立|创立|创办|创建|始创|开创|创设|起源于|肇始|始于|始建|建于|建校|建院|建行|建厂|创始|开业于|诞生|百年|历史|至今|以来|获|荣|评为|评选|第[一二三四五六七八九十]名|版权|突破|累计|达到|备案|许可证|icp|\b(since|founded|established|est|incorporated|copyright|serving|voted|awarded|award|named|ranked|rated|winner|chartered|opened( its doors| our doors)? (in|on)|built in|born|history|anniversary of|over \d+ years|all rights)\b|©|\(c\)";
    product = r"款|车型|型号|版本|年版|版(本)?|届|级(学生|新生|本科)|系列|编号|条例|规定|办法|法案|标准号|文件|号文|修订|颁布|发布的|印发|出台|第.{1,6}条|\b(windows|office|model|form|version|edition|exchange|sql server|server|visual studio|act of|section|title|series|class of|mazda|f-150|iso|standard|publication|code|regulation|vintage|vision|agenda|census|sedan|suv|truck|vehicles?|ford|toyota|honda|camry|corolla|civic|tesla|chevrolet|recall)\b";
    place = r"(路|街|道|巷|弄|大厦|广场|村|里)(\d|[一二三四五六七八九〇零]){1,6}号|\b\d{3,5} (\w+ ){1,3}(street|st|avenue|ave|road|rd|drive|dr|lane|ln|boulevard|blvd|highway|hwy|way|court|place|parkway)\b|\b(suite|room|route|highway|p\.?o\.? box|zip|extension|ext|building|unit|apartment)\b";
    number = r"工号|话机|电话号|\b(caller|ticket|case|order|invoice|account|confirmation|reference|flight|bus|train|badge|agent|employee|operator|number|call us|channel) (number |no |id |is |at |ends in |ending in |ends with )*#?\d";
    tax = r"税|汇算|年检|年审|年报|年度(报告|体检|考核|审计|决算)|财年|\b(tax(es)?|fiscal|1040|w-?2|1099|return|refund|filing)\b";
    every = r"法定节假日|等节假日|等节日|每年|每逢|次年|翌年|每月|往年|历年|\b(every year|each year|annually|yearly|all (major |federal |public |bank |national |legal |statutory )?holidays|major holidays)\b";
    except = r"除外|常年|全年|一年四季|除(法定|国家|春节|节假日)|(法定)?节假日(照常|正常|无休|不休)|不含|全年无休|春节不打烊|\b(except|excluding|including holidays|other than|even on|we are open on|all year|year.round)\b";
    pandemic = r"抗原.{0,3}阴性|核酸|阴性证明|测温(入|后|登记)|\bnegative (pcr|antigen|rapid|lateral flow)\b|\b(six|6) feet of distance|\btwo met(er|re)s apart|绿码|行程卡|抗原检测|居家隔离|集中隔离|动态清零|静默管理|四十八小时核酸|proof of vaccination|vaccine passport|six feet apart|contact tracing|shelter.in.place|stay.at.home order|omicron|疫情|新冠|新型冠状|核酸|健康码|行程码|防疫|封控|方舱|covid|coronavirus|pandemic|social distanc|lockdown|mask mandate|face (mask|covering)s?";
    medical = r"疫苗|接种|检测(预约|服务|请)|后遗症|门诊|vaccin|booster|test(ing)? (site|appointment|kit|result)|covid-?\s?(19)? (test|vaccine|result)|long covid";
    greeting = r"早上好|早晨好|清晨好|早安|您早|上午好|中午好|午安|下午好|傍晚好|晚上好|晚安|夜深了|\bgood (morning|afternoon|evening)\b|^(morning|afternoon|evening)[ ,.!]";
    animal = r"(鼠|牛|虎|兔|龙|蛇|马|羊|猴|鸡|狗|猪)年(大吉|吉祥|快乐|行大运|到|好运|新春|春节|贺|特惠|纪念|安康|如意|有|旺|纳|迎|献|送|添|喜|聚|福|开门)|(祝|恭贺|喜迎|迎接|欢度).{0,6}(鼠|牛|虎|兔|龙|蛇|马|羊|猴|鸡|狗|猪)年|year of the (rat|ox|tiger|rabbit|dragon|snake|horse|goat|sheep|monkey|rooster|dog|pig)";
    wishes = r"快乐|愉快|同庆|拜个|值此|祝|恭贺|佳节|吉祥|大吉|团圆|安康|贺|\b(happy|merry|wish|blessed|greetings|celebrat\w*|enjoy|kareem|mubarak)\b";
    street = r"^[新东西南北中大](路|街|村|道)|^ (island|seals|lily|street|road|avenue|cactus)\b|^(岛|树|路|街|广场|大道|社区|店|支行|小区|站|村|镇|桥|园|大厦|分理处|网点|医院|小学|中学)";
}
