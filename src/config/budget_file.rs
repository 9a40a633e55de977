//! Reads what may be used and what it costs: budgets, money, prices.

use super::node::{Kind, Node};
use super::reader::{Fields, Reader, present};
use super::watch::{Budget, Budgets, Money, Price};
use crate::vocabulary::limits;
use std::time::Duration;

/// The keys of budgets, in the order of `Budgets`.
pub(super) const KEYS: [&str; 9] = [
    "calls_per_hour",
    "calls_per_day",
    "calls_per_month",
    "minutes_per_hour",
    "minutes_per_day",
    "minutes_per_month",
    "money_per_hour",
    "money_per_day",
    "money_per_month",
];

/// Ceilings of calls and minutes in an hour, on a day, in a month.
pub(super) struct Ceilings {
    pub calls: [u32; 3],
    pub minutes: [u32; 3],
}

pub(super) const OF_A_HOTLINE: Ceilings = Ceilings {
    calls: [limits::CALLS_PER_HOUR_MAX, limits::CALLS_PER_DAY_MAX, limits::CALLS_PER_MONTH_MAX],
    minutes: [limits::MINUTES_PER_HOUR_MAX, limits::MINUTES_PER_DAY_MAX, limits::MINUTES_PER_MONTH_MAX],
};

pub(super) const SHARED: Ceilings =
    Ceilings { calls: [limits::SHARED_USE_MAX; 3], minutes: [limits::SHARED_USE_MAX; 3] };

pub(super) fn read(reader: &Reader, fields: &Fields, ceilings: &Ceilings, standard: Budgets) -> Option<Budgets> {
    let [hour, day, month] = [("hour", 0, standard.hour), ("day", 1, standard.day), ("month", 2, standard.month)].map(
        |(span, index, standard)| {
            let count = |what: &str, ceiling: u32, standard: Option<u32>| {
                let key = format!("{what}_per_{span}");
                present(fields.get(&key)).map_or(Some(standard), |node| reader.count(node, &key, ceiling).map(Some))
            };
            let calls = count("calls", ceilings.calls[index], standard.calls);
            let minutes = count("minutes", ceilings.minutes[index], standard.minutes);
            let key = format!("money_per_{span}");
            let money =
                present(fields.get(&key)).map_or(Some(standard.money), |node| money(reader, node, &key).map(Some));
            Some(Budget { calls: calls?, minutes: minutes?, money: money? })
        },
    );
    Some(Budgets { hour: hour?, day: day?, month: month? })
}

/// The first key that speaks of money.
pub(super) fn money_key<'n>(fields: &Fields<'n>) -> Option<&'n Node> {
    KEYS.iter().filter(|key| key.starts_with("money")).find_map(|key| fields.key(key))
}

/// An amount above zero, in whatever currency the user thinks in.
fn money(reader: &Reader, node: &Node, name: &str) -> Option<Money> {
    let money = price_of(reader, node, name)?;
    if money.0 == 0 {
        reader.complain(node, format!("{name} is zero"), "write an amount above zero, like 50");
        return None;
    }
    Some(money)
}

fn price_of(reader: &Reader, node: &Node, name: &str) -> Option<Money> {
    match &node.kind {
        Kind::Number(amount) if (0.0..=f64::from(limits::SHARED_USE_MAX)).contains(amount) => {
            Some(Money((amount * 1e6).round() as i64))
        }
        _ => {
            let raw = reader.document.raw(node);
            let what = match &node.kind {
                Kind::Number(_) => format!("{name} cannot be {raw}"),
                _ => format!("{name} is an amount of money, and here stands {}", node.sort()),
            };
            reader.complain(node, what, "write a bare number, like 0.12, in the currency of all your prices");
            None
        }
    }
}

/// `price: 0.12` a minute, or `{ per_minute: 0.12, per_call: 0.05, rounded: 60s }`.
pub(super) fn price(reader: &Reader, node: &Node) -> Option<Price> {
    if !matches!(node.kind, Kind::Map(_)) {
        return price_of(reader, node, "price").map(|per_minute| Price {
            per_minute,
            per_call: Money(0),
            rounded_s: 60,
        });
    }
    let fields = reader.fields(node, "price", &["per_minute", "per_call", "rounded"])?;
    let amount = |key: &str| present(fields.get(key)).map_or(Some(Money(0)), |node| price_of(reader, node, key));
    let per_minute = reader.required(&fields, "price", "per_minute", "0.12");
    let per_minute = per_minute.and_then(|node| price_of(reader, node, "per_minute"));
    let per_call = amount("per_call");
    let rounded = present(fields.get("rounded"))
        .map_or(Some(Duration::from_secs(60)), |node| reader.span(node, "rounded", limits::CALL_MAX));
    Some(Price { per_minute: per_minute?, per_call: per_call?, rounded_s: rounded?.as_secs().max(1) as u32 })
}
