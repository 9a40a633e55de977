//! What a label asks of a caller's manners: ways back, ways that repeat, and ways that are not taken.

use super::super::plain::Plain;

/// Where a label says that it leads, when that is not onwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    Onwards,
    /// The menu above.
    Back,
    /// The first menu.
    Top,
    /// This prompt again.
    Again,
}

const AGAIN: &[&str] = &["重听", "重复", "重播", "再听", "再次收听", "repeat", "again", "replay"];
const TOP: &[&str] = &[
    "主菜单",
    "主目录",
    "首页",
    "主页",
    "总菜单",
    "主選單",
    "main menu",
    "start over",
    "first menu",
    "top menu",
    "beginning",
    "main options",
];
const BACK: &[&str] = &[
    "返回",
    "上一级",
    "上一层",
    "上级菜单",
    "上层菜单",
    "上一菜单",
    "退回",
    "previous menu",
    "go back",
    "return to the",
    "last menu",
    "prior menu",
    "previous options",
    "menu before",
    "go up",
];

/// Where this label says that it leads.
pub fn direction(label: &str) -> Direction {
    let label: String = Plain::new(label).chars.iter().collect();
    let has = |words: &[&str]| words.iter().any(|w| label.contains(w));
    if has(TOP) {
        Direction::Top
    } else if has(BACK) {
        Direction::Back
    } else if has(AGAIN) {
        Direction::Again
    } else {
        Direction::Onwards
    }
}

/// Why an option is not taken by somebody who only wants to know where it leads.
pub fn declined(key: &str, label: &str, on_queue: bool) -> Option<String> {
    if let Some(words) = key.strip_prefix("say:") {
        return Some(format!("taken by saying “{words}”, and we only press keys"));
    }
    let label: String = Plain::new(label).chars.iter().collect();
    let has = |words: &[&str]| words.iter().any(|w| label.contains(w));
    let word = |wanted: &str| label.split(|c: char| !c.is_alphanumeric()).any(|w| w == wanted);
    let emergency = has(&["报警", "急救", "火警", "紧急求助", "紧急救援"])
        || word("911")
        || word("emergency")
        || word("emergencies");
    if emergency {
        return Some("an emergency service is never called".into());
    }
    let buys = has(&[
        "确认支付",
        "确认付款",
        "确认购买",
        "确认下单",
        "确认订购",
        "确认办理",
        "确认开通",
        "确认扣款",
        "确认充值",
        "立即支付",
        "立即付款",
        "立即购买",
        "立即下单",
        "立即开通",
        "confirm your purchase",
        "confirm the purchase",
        "confirm a purchase",
        "confirm purchase",
        "confirm your payment",
        "confirm the payment",
        "confirm payment",
        "confirm your order",
        "confirm the order",
        "place the order",
        "submit your payment",
        "submit payment",
        "complete your purchase",
        "complete the purchase",
        "pay now",
        "authorize",
        "authorise",
    ]);
    if buys {
        return Some("it would buy or pay for something".into());
    }
    if on_queue && key != "wait" {
        return Some("it would book a call back or leave the queue".into());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_say_where_they_lead() {
        for (label, expected) in [
            ("返回上级菜单", Direction::Back),
            ("返回主菜单", Direction::Top),
            ("return to the main menu", Direction::Top),
            ("the previous menu", Direction::Back),
            ("重听", Direction::Again),
            ("hear these options again", Direction::Again),
            ("人工服务", Direction::Onwards),
            ("billing", Direction::Onwards),
        ] {
            assert_eq!(direction(label), expected, "{label}");
        }
    }

    #[test]
    fn what_costs_or_calls_for_help_is_not_pressed() {
        for (key, label, expected) in [
            ("1", "a life-threatening emergency", true),
            ("1", "报警求助", true),
            ("2", "确认支付", true),
            ("2", "to confirm your purchase", true),
            ("say:账单", "账单", true),
            ("2", "缴费", false),
            ("2", "make a payment", false),
            ("0", "人工服务", false),
            ("3", "留言", false),
        ] {
            assert_eq!(declined(key, label, false).is_some(), expected, "{label}");
        }
        assert!(declined("1", "a call back", true).is_some() && declined("wait", "hold", true).is_none());
    }
}
