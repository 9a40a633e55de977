//! The drawings of a report: days, the week by hours, waits, outcomes, announcements.

use super::drawing::{At, Drawing, Ink, Shape};
use super::words::Words;
use crate::publish::figures::survival::Waits;
use crate::publish::figures::tally::{Cell, Day};

/// The width of the text on A4.
pub const WIDTH: f32 = 480.0;

/// Bars of judged calls a day, the failed part in red, what could not be judged on top.
pub fn days(days: &[Day], words: &Words) -> Drawing {
    let (left, top, width, height) = (30.0, 8.0, WIDTH - 34.0, 84.0);
    let most = days.iter().map(|day| day.judged + day.inconclusive).max().unwrap_or(0).max(1);
    let scale = nice(most as f64);
    let alt = words.t("Calls a day: passed, failed, not judged", "每日拨测:通过、未通过、无法判断");
    let mut drawing = Drawing::new(WIDTH, top + height + 18.0, alt);
    let y = |calls: f64| top + height - (calls / scale) as f32 * height;
    for part in [0.0, 0.5, 1.0] {
        let calls = scale * part;
        drawing.line((left, y(calls)), (left + width, y(calls)), Ink::Line, 0.5);
        drawing.text((left - 4.0, y(calls) + 3.0), number(calls), At::End, Ink::Soft);
    }
    let step = width / days.len().max(1) as f32;
    for (n, day) in days.iter().enumerate() {
        let x = left + step * n as f32 + step * 0.15;
        let said = words.day_bar(day);
        let passed = (day.judged - day.failed) as f64;
        let mut from = 0.0;
        for (calls, ink) in [(day.failed as f64, Ink::Bad), (passed, Ink::Good), (day.inconclusive as f64, Ink::Odd)] {
            if calls > 0.0 {
                drawing.rect((x, y(from + calls)), (step * 0.7, y(from) - y(from + calls)), ink, said.clone());
            }
            from += calls;
        }
        if day.day == 1 || day.day.is_multiple_of(5) {
            drawing.text((x + step * 0.35, top + height + 11.0), day.day.to_string(), At::Middle, Ink::Soft);
        }
    }
    drawing
}

/// Weekdays down, hours across: how dark is how often it failed; empty is not measured.
pub fn heat(heat: &[Vec<Cell>], words: &Words) -> Drawing {
    let (left, top, cell, gap) = (34.0, 14.0, (WIDTH - 36.0) / 24.0, 1.5);
    let tall = 15.0;
    let alt = words.t(
        "Share of failed calls by weekday and hour at the hotline's place",
        "按星期与小时(热线当地时间)统计的未通过比例",
    );
    let mut drawing = Drawing::new(WIDTH, top + 7.0 * tall + 22.0, alt);
    for hour in (0..24).step_by(3) {
        drawing.text((left + cell * hour as f32 + cell / 2.0, 9.0), format!("{hour:02}"), At::Middle, Ink::Soft);
    }
    for (weekday, hours) in heat.iter().enumerate() {
        let y = top + tall * weekday as f32;
        drawing.text((left - 5.0, y + tall / 2.0 + 2.5), words.weekday(weekday), At::End, Ink::Soft);
        for (hour, of) in hours.iter().enumerate() {
            let at = (left + cell * hour as f32 + gap / 2.0, y + gap / 2.0);
            let size = (cell - gap, tall - gap);
            let said = words.heat_cell(weekday, hour, of);
            match (of.judged, of.failed) {
                (0, _) if of.inconclusive > 0 => drawing.rect(at, size, Ink::Odd, said),
                (0, _) => drawing.rect(at, size, Ink::Nothing, said),
                (_, 0) => {
                    drawing.rect(at, size, Ink::Good, said);
                }
                (judged, failed) => {
                    drawing.rect(at, size, Ink::Heat(failed as f32 / judged as f32), said);
                    // Not by colour alone.
                    drawing.text(
                        (at.0 + size.0 / 2.0, at.1 + size.1 / 2.0 + 2.8),
                        failed.to_string(),
                        At::Middle,
                        Ink::Text,
                    );
                }
            }
        }
    }
    let y = top + 7.0 * tall + 14.0;
    let mut x = left;
    for (ink, name) in [
        (Ink::Good, words.t("none failed", "全部通过")),
        (Ink::Heat(0.3), words.t("some failed (how many)", "部分未通过(格内为次数)")),
        (Ink::Heat(1.0), words.t("all failed", "全部未通过")),
        (Ink::Odd, words.t("not judged", "无法判断")),
        (Ink::Nothing, words.t("not called", "未拨测")),
    ] {
        drawing.rect((x, y - 7.0), (9.0, 8.0), ink, "");
        drawing.text((x + 12.0, y), name, At::Start, Ink::Soft);
        x += 22.0 + name.chars().map(|c| if c.is_ascii() { 4.4 } else { 8.0 }).sum::<f32>();
    }
    drawing
}

/// By when how many had been served, with the interval.
pub fn waits(waits: &Waits, marks: &[(f64, String)], words: &Words) -> Drawing {
    let (left, top, width, height) = (34.0, 8.0, WIDTH - 44.0, 110.0);
    let alt = words
        .t("Share of calls served, by seconds waited, with its 95 % interval", "随等待秒数已获应答的比例及其 95% 区间");
    let mut drawing = Drawing::new(WIDTH, top + height + 26.0, alt);
    let longest = waits.longest_s.unwrap_or(1.0).max(marks.iter().map(|mark| mark.0).fold(1.0, f64::max));
    let scale = nice(longest);
    let x = |s: f64| left + (s / scale) as f32 * width;
    let y = |share: f64| top + height - share as f32 * height;
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        drawing.line((left, y(share)), (left + width, y(share)), Ink::Line, 0.5);
        drawing.text((left - 4.0, y(share) + 3.0), format!("{:.0}%", share * 100.0), At::End, Ink::Soft);
    }
    for part in 0..=5 {
        let s = scale * f64::from(part) / 5.0;
        drawing.text((x(s), top + height + 11.0), number(s), At::Middle, Ink::Soft);
    }
    drawing.text((left + width, top + height + 22.0), words.t("seconds", "秒"), At::End, Ink::Soft);
    let stairs = |of: fn(&crate::publish::figures::survival::Step) -> f64| {
        let mut line = vec![(x(0.0), y(0.0))];
        let mut last = y(0.0);
        for step in &waits.curve {
            line.push((x(step.at_s), last));
            last = y(of(step));
            line.push((x(step.at_s), last));
        }
        line.push((x(waits.longest_s.unwrap_or(0.0)), last));
        line
    };
    let mut band = stairs(|step| step.high);
    band.extend(stairs(|step| step.low).into_iter().rev());
    drawing.shapes.push(Shape::Area { points: band, ink: Ink::Band });
    for (s, name) in marks {
        drawing.line((x(*s), top), (x(*s), top + height), Ink::Odd, 0.8);
        drawing.text((x(*s) + 3.0, top + height - 4.0), name.clone(), At::Start, Ink::Odd);
    }
    drawing.shapes.push(Shape::Path { points: stairs(|step| step.served), ink: Ink::Main, width: 1.6 });
    drawing
}

/// Availability of every hotline with its interval, against the objective.
pub fn intervals(rows: &[(String, f64, f64, f64)], objective: f64, words: &Words) -> Drawing {
    let (left, width, tall) = (110.0, WIDTH - 160.0, 17.0);
    let low = rows.iter().map(|row| row.2).fold(objective, f64::min);
    let from = ((low - 0.01).max(0.0) * 20.0).floor() / 20.0;
    let alt = words.t("Availability of each hotline with its 95 % interval", "各热线可用率及其 95% 区间");
    let mut drawing = Drawing::new(WIDTH, 12.0 + tall * rows.len() as f32 + 18.0, alt);
    let bottom = 6.0 + tall * rows.len() as f32;
    let x = |share: f64| left + ((share - from) / (1.0 - from)) as f32 * width;
    for part in 0..=4 {
        let share = from + (1.0 - from) * f64::from(part) / 4.0;
        drawing.line((x(share), 4.0), (x(share), bottom), Ink::Line, 0.5);
        drawing.text(
            (x(share), bottom + 11.0),
            format!("{:.4}", share * 100.0).trim_end_matches('0').trim_end_matches('.').to_string() + "%",
            At::Middle,
            Ink::Soft,
        );
    }
    drawing.line((x(objective), 2.0), (x(objective), bottom), Ink::Odd, 1.0);
    for (n, (name, share, low, high)) in rows.iter().enumerate() {
        let y = 6.0 + tall * n as f32 + tall / 2.0;
        drawing.text((left - 6.0, y + 3.0), shortened(name, 20), At::End, Ink::Text);
        drawing.line((x(*low), y), (x(*high), y), Ink::Main, 2.0);
        let ink = if *high < objective { Ink::Bad } else { Ink::Main };
        let title = format!("{name}: {:.2}% ({:.2}–{:.2}%)", share * 100.0, low * 100.0, high * 100.0);
        drawing.shapes.push(Shape::Dot { x: x(*share), y, r: 3.2, ink, title });
        drawing.text((left + width + 6.0, y + 3.0), format!("{:.2}%", share * 100.0), At::Start, Ink::Text);
    }
    drawing
}

/// What the queue announced against what came.
pub fn announcements(pairs: &[(f64, f64)], words: &Words) -> Drawing {
    let (left, top, size) = (40.0, 8.0, 150.0);
    let alt = words.t("Announced against real waits, in seconds", "播报等待与实际等待(秒)");
    let mut drawing = Drawing::new(WIDTH, top + size + 26.0, alt);
    let scale = nice(pairs.iter().map(|pair| pair.0.max(pair.1)).fold(1.0, f64::max));
    let width = WIDTH - left - 20.0;
    let x = |s: f64| left + (s / scale) as f32 * width;
    let y = |s: f64| top + size - (s / scale) as f32 * size;
    for part in 0..=4 {
        let s = scale * f64::from(part) / 4.0;
        drawing.line((left, y(s)), (left + width, y(s)), Ink::Line, 0.5);
        drawing.text((left - 4.0, y(s) + 3.0), number(s), At::End, Ink::Soft);
        drawing.text((x(s), top + size + 11.0), number(s), At::Middle, Ink::Soft);
    }
    drawing.line((x(0.0), y(0.0)), (x(scale), y(scale)), Ink::Soft, 0.8);
    for (announced, waited) in pairs {
        let ink = if waited > announced { Ink::Bad } else { Ink::Good };
        let title = format!("{} → {} s", number(*announced), number(*waited));
        drawing.shapes.push(Shape::Dot { x: x(*announced), y: y(*waited), r: 2.4, ink, title });
    }
    let names = words
        .t("across: announced · up: waited · above the line it took longer", "横轴:播报;纵轴:实际;线上方为实际更久");
    drawing.text((left + width, top + size + 23.0), names, At::End, Ink::Soft);
    drawing
}

/// A round number not below.
fn nice(value: f64) -> f64 {
    let mut step = 1.0;
    while step * 10.0 <= value {
        step *= 10.0;
    }
    [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0].into_iter().map(|m| m * step).find(|m| *m >= value).unwrap_or(value)
}

fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), String::from)
}

fn shortened(name: &str, max: usize) -> String {
    if name.chars().count() <= max {
        return name.to_string();
    }
    name.chars().take(max - 1).chain(['…']).collect()
}
