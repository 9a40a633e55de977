//! The report as a workbook: a sheet of hotlines, of days, of the week by hours, of outcomes, of findings, of calls,
//! with charts of the spreadsheet's own. Numbers are numbers, so that whoever reads can go on reckoning.

use super::Report;
use super::csv::{CALL_COLUMNS, call_fields};
use super::words::Words;
use crate::publish::figures::Hotline;
use crate::record::timeline::Tongue;
use rust_xlsxwriter::{
    Chart, ChartType, Color, ConditionalFormat2ColorScale, DocProperties, ExcelDateTime, Format, FormatAlign, Workbook,
    Worksheet, XlsxError,
};
use std::borrow::Cow;

/// A sheet takes a little over a million rows.
const CALLS_MAX: usize = 1_000_000;

struct Styles {
    head: Format,
    title: Format,
    share: Format,
    seconds: Format,
    wrap: Format,
    soft: Format,
}

pub fn workbook(report: &Report, tongue: Tongue) -> Result<Vec<u8>, XlsxError> {
    let words = Words { tongue };
    let font = tongue.of("Calibri", "微软雅黑");
    let base = || Format::new().set_font_name(font);
    let styles = Styles {
        head: base()
            .set_bold()
            .set_border_bottom(rust_xlsxwriter::FormatBorder::Thin)
            .set_text_wrap()
            .set_align(FormatAlign::Top),
        title: base().set_bold().set_font_size(16),
        share: base().set_num_format("0.00%"),
        seconds: base().set_num_format("0.00"),
        wrap: base().set_text_wrap().set_align(FormatAlign::Top),
        soft: base().set_font_color(Color::RGB(0x5a6675)),
    };
    let mut book = Workbook::new();
    // The moment of writing would make every file another one.
    let month = report.figures.month;
    let first = ExcelDateTime::from_ymd(month.year() as u16, month.month() as u8, 1)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&first).set_author("nightbell"));
    overview(&mut book, report, &words, &styles)?;
    days(&mut book, report, &words, &styles)?;
    heat(&mut book, report, &words, &styles)?;
    outcomes(&mut book, report, &words, &styles)?;
    findings(&mut book, report, &words, &styles)?;
    calls(&mut book, report, &words, &styles)?;
    proof(&mut book, report, &words, &styles)?;
    book.save_to_buffer()
}

fn head(sheet: &mut Worksheet, row: u32, names: &[&str], styles: &Styles) -> Result<(), XlsxError> {
    for (column, name) in names.iter().enumerate() {
        sheet.write_with_format(row, column as u16, *name, &styles.head)?;
    }
    Ok(())
}

/// A sheet that is printed across, as wide as one page.
fn new_sheet(book: &mut Workbook) -> &mut Worksheet {
    const A4: u8 = 9;
    book.add_worksheet().set_landscape().set_paper_size(A4).set_print_fit_to_pages(1, 0)
}

fn number(sheet: &mut Worksheet, at: (u32, u16), value: Option<f64>, format: &Format) -> Result<(), XlsxError> {
    if let Some(value) = value {
        sheet.write_with_format(at.0, at.1, value, format)?;
    }
    Ok(())
}

fn overview(book: &mut Workbook, report: &Report, words: &Words, styles: &Styles) -> Result<(), XlsxError> {
    let sheet = new_sheet(book);
    let name = words.t("Hotlines", "热线");
    sheet.set_name(name)?;
    let month = report.figures.month;
    let title = match words.tongue {
        Tongue::English => format!("Hotline report, {month}"),
        Tongue::Chinese => format!("{} 年 {} 月热线拨测报告", month.year(), month.month()),
    };
    sheet.write_with_format(0, 0, title, &styles.title)?;
    let note = words.t(
        "Shares are of judged calls with 95 % Wilson intervals; the rules stand in the HTML report under Method.",
        "比例以纳入统计的拨测计,附 95% Wilson 区间;规则见 HTML 报告“方法说明”。",
    );
    sheet.write_with_format(1, 0, note, &styles.soft)?;
    let names = [
        words.t("Hotline", "热线"),
        words.t("Score", "评分"),
        words.t("Planned", "应拨"),
        words.t("Made", "实拨"),
        words.t("Not made", "未拨"),
        words.t("Judged", "纳入统计"),
        words.t("Failed", "未通过"),
        words.t("Availability", "可用率"),
        words.t("low", "下限"),
        words.t("high", "上限"),
        words.t("Answer rate", "接通率"),
        words.t("low", "下限"),
        words.t("high", "上限"),
        words.t("Connect, median (s)", "接通中位时长(秒)"),
        words.t("Connect, p95 (s)", "接通 p95(秒)"),
        words.t("To a person, median (s)", "接通人工中位时长(秒)"),
        words.t("Error budget spent", "错误预算消耗"),
        words.t("Inconclusive", "无法判断"),
        words.t("Stale prompts", "过期播报"),
        words.t("Calls into dead ends", "遇死路次数"),
    ];
    head(sheet, 3, &names, styles)?;
    for (n, hotline) in report.figures.hotlines.iter().enumerate() {
        overview_row(sheet, 4 + n as u32, hotline, styles)?;
    }
    sheet.set_column_width(0, 26)?;
    sheet.set_column_range_width(1, 19, 12)?;
    sheet.set_row_height(3, 48)?;
    sheet.set_freeze_panes(4, 1)?;
    let rows = report.figures.hotlines.len() as u32;
    if rows > 0 {
        let last = 3 + rows;
        sheet.autofilter(3, 0, last, names.len() as u16 - 1)?;
        let mut chart = Chart::new(ChartType::Bar);
        chart.title().set_name(words.t("Availability", "可用率"));
        chart
            .add_series()
            .set_categories((name, 4, 0, last, 0))
            .set_values((name, 4, 7, last, 7))
            .set_name(words.t("Availability", "可用率"));
        chart.x_axis().set_max(1.0).set_num_format("0%");
        chart.y_axis().set_reverse();
        chart.legend().set_hidden();
        chart.set_width(760).set_height(120 + 26 * rows.min(40));
        sheet.insert_chart(last + 2, 0, &chart)?;
    }
    Ok(())
}

fn overview_row(sheet: &mut Worksheet, row: u32, hotline: &Hotline, styles: &Styles) -> Result<(), XlsxError> {
    let section = &hotline.section;
    sheet.write(row, 0, &hotline.name)?;
    number(sheet, (row, 1), hotline.score.mark, &styles.seconds)?;
    let due = &section.due;
    for (column, count) in [
        (2, due.planned),
        (3, due.made),
        (4, due.not_made),
        (5, section.availability.calls),
        (6, section.budget.failed),
    ] {
        sheet.write(row, column, count as f64)?;
    }
    for (column, share) in [(7, &section.availability), (10, &section.answered)] {
        number(sheet, (row, column), share.share, &styles.share)?;
        number(sheet, (row, column + 1), share.low, &styles.share)?;
        number(sheet, (row, column + 2), share.high, &styles.share)?;
    }
    number(sheet, (row, 13), section.connect.at(0.5).map(|q| q.value), &styles.seconds)?;
    number(sheet, (row, 14), section.connect.at(0.95).map(|q| q.value), &styles.seconds)?;
    let person = section.person.as_ref().and_then(|person| person.waits.quantiles.first()?.value_s);
    number(sheet, (row, 15), person, &styles.seconds)?;
    number(sheet, (row, 16), section.budget.spent, &styles.share)?;
    sheet.write(row, 17, due.used.get("inconclusive").copied().unwrap_or(0) as f64)?;
    sheet.write(row, 18, hotline.menu.stale.len() as f64)?;
    sheet.write(row, 19, hotline.menu.dead_ends.iter().map(|found| found.calls).sum::<u64>() as f64)?;
    Ok(())
}

fn days(book: &mut Workbook, report: &Report, words: &Words, styles: &Styles) -> Result<(), XlsxError> {
    let sheet = new_sheet(book);
    let name = words.t("Days", "按日");
    sheet.set_name(name)?;
    let names = [
        words.t("Day", "日"),
        words.t("Passed", "通过"),
        words.t("Failed", "未通过"),
        words.t("Not judged", "无法判断"),
        words.t("Made", "实拨"),
        words.t("Connect, median (s)", "接通中位时长(秒)"),
    ];
    head(sheet, 0, &names, styles)?;
    let days = &report.figures.all.days;
    for (n, day) in days.iter().enumerate() {
        let row = n as u32 + 1;
        for (column, count) in [u64::from(day.day), day.judged - day.failed, day.failed, day.inconclusive, day.made]
            .into_iter()
            .enumerate()
        {
            sheet.write(row, column as u16, count as f64)?;
        }
        number(sheet, (row, 5), day.connect_median_s, &styles.seconds)?;
    }
    sheet.set_column_range_width(0, 5, 13)?;
    let last = days.len() as u32;
    if last > 0 {
        let mut chart = Chart::new(ChartType::ColumnStacked);
        chart.title().set_name(words.t("Calls a day", "每日拨测"));
        for (column, colour) in [(2, 0xd9534a), (1, 0x7fc3a0), (3, 0xe0b252)] {
            let format = rust_xlsxwriter::ChartFormat::new()
                .set_solid_fill(rust_xlsxwriter::ChartSolidFill::new().set_color(Color::RGB(colour)))
                .clone();
            chart
                .add_series()
                .set_categories((name, 1, 0, last, 0))
                .set_values((name, 1, column, last, column))
                .set_name((name, 0, column))
                .set_format(&mut format.clone());
        }
        chart.legend().set_position(rust_xlsxwriter::ChartLegendPosition::Bottom);
        chart.set_width(860).set_height(320);
        sheet.insert_chart(1, 7, &chart)?;
    }
    Ok(())
}

fn heat(book: &mut Workbook, report: &Report, words: &Words, styles: &Styles) -> Result<(), XlsxError> {
    let sheet = new_sheet(book);
    sheet.set_name(words.t("Hours", "按时段"))?;
    let mut row = 0;
    for hotline in &report.figures.hotlines {
        sheet.write_with_format(row, 0, format!("{} ({})", hotline.name, hotline.timezone), &styles.head)?;
        for hour in 0..24u16 {
            sheet.write_with_format(row, hour + 1, format!("{hour:02}"), &styles.head)?;
        }
        for (weekday, cells) in hotline.section.heat.iter().enumerate() {
            let at = row + 1 + weekday as u32;
            sheet.write(at, 0, words.weekday(weekday))?;
            for (hour, cell) in cells.iter().enumerate() {
                if cell.judged > 0 {
                    let share = cell.failed as f64 / cell.judged as f64;
                    sheet.write_with_format(at, hour as u16 + 1, share, &styles.share)?;
                }
            }
        }
        let scale = ConditionalFormat2ColorScale::new()
            .set_minimum(rust_xlsxwriter::ConditionalFormatType::Number, 0)
            .set_maximum(rust_xlsxwriter::ConditionalFormatType::Number, 1)
            .set_minimum_color("D4ECDF")
            .set_maximum_color("D9534A");
        sheet.add_conditional_format(row + 1, 1, row + 7, 24, &scale)?;
        row += 9;
    }
    sheet.set_column_width(0, 30)?;
    sheet.set_column_range_width(1, 24, 7.5)?;
    Ok(())
}

fn outcomes(book: &mut Workbook, report: &Report, words: &Words, styles: &Styles) -> Result<(), XlsxError> {
    let sheet = new_sheet(book);
    sheet.set_name(words.t("Outcomes", "结果"))?;
    let names = [
        words.t("Hotline", "热线"),
        words.t("Verdict", "结论"),
        words.t("Outcome", "结果"),
        words.t("Layer", "环节"),
        words.t("Whose doing", "归属"),
        words.t("Calls", "次数"),
    ];
    head(sheet, 0, &names, styles)?;
    let mut at = 1;
    for hotline in &report.figures.hotlines {
        for row in &hotline.section.outcomes {
            sheet.write(at, 0, &hotline.name)?;
            sheet.write(at, 1, row.verdict.map_or("", |verdict| words.verdict(verdict)))?;
            sheet.write(at, 2, row.outcome.map_or("", |outcome| words.outcome(outcome)))?;
            sheet.write(at, 3, row.layer.map_or("", |layer| words.layer(layer)))?;
            sheet.write(at, 4, row.attributable_to.map_or("", |whose| words.whose(whose)))?;
            sheet.write(at, 5, row.calls as f64)?;
            at += 1;
        }
    }
    sheet.set_column_range_width(0, 4, 22)?;
    sheet.set_freeze_panes(1, 0)?;
    Ok(())
}

fn findings(book: &mut Workbook, report: &Report, words: &Words, styles: &Styles) -> Result<(), XlsxError> {
    let sheet = new_sheet(book);
    sheet.set_name(words.t("Findings", "发现"))?;
    let names = [
        words.t("Hotline", "热线"),
        words.t("What", "问题"),
        words.t("As heard, or how", "原文或说明"),
        words.t("Expired on", "过期日"),
        words.t("Calls", "次数"),
        words.t("First call", "首次拨测编号"),
        words.t("from (s)", "起(秒)"),
        words.t("to (s)", "止(秒)"),
    ];
    head(sheet, 0, &names, styles)?;
    let mut at = 1;
    for hotline in &report.figures.hotlines {
        let menu = &hotline.menu;
        let stale = menu.stale.iter().map(|one| {
            (
                words.t("stale prompt", "过期播报"),
                Cow::from(one.quote.as_str()),
                one.expired_on,
                one.calls,
                one.clips.first(),
            )
        });
        let dead = menu
            .dead_ends
            .iter()
            .map(|one| (words.dead_end(one.kind), words.said(&one.detail), None, one.calls, one.clips.first()));
        let other = menu
            .found
            .iter()
            .map(|one| (words.finding(one.kind), words.said(&one.detail), None, one.calls, one.clips.first()));
        for (what, text, expired, calls, clip) in stale.chain(dead).chain(other) {
            sheet.write(at, 0, &hotline.name)?;
            sheet.write(at, 1, what)?;
            sheet.write_with_format(at, 2, text.as_ref(), &styles.wrap)?;
            sheet.write(at, 3, expired.map_or(String::new(), |day| day.to_string()))?;
            sheet.write(at, 4, calls as f64)?;
            if let Some(clip) = clip {
                sheet.write(at, 5, &clip.call)?;
                number(sheet, (at, 6), Some(clip.from_s), &styles.seconds)?;
                number(sheet, (at, 7), Some(clip.to_s), &styles.seconds)?;
            }
            at += 1;
        }
    }
    sheet.set_column_range_width(0, 1, 22)?;
    sheet.set_column_width(2, 60)?;
    sheet.set_column_width(5, 30)?;
    sheet.set_freeze_panes(1, 0)?;
    Ok(())
}

fn calls(book: &mut Workbook, report: &Report, words: &Words, styles: &Styles) -> Result<(), XlsxError> {
    let sheet = new_sheet(book);
    sheet.set_name(words.t("Calls", "拨测明细"))?;
    head(sheet, 0, &CALL_COLUMNS, styles)?;
    for (n, call) in report.figures.calls.iter().take(CALLS_MAX).enumerate() {
        for (column, (field, name)) in call_fields(call).into_iter().zip(CALL_COLUMNS).enumerate() {
            let (row, column) = (n as u32 + 1, column as u16);
            let counted = name.ends_with("_s")
                || ["hour", "day", "weekday", "announced_ahead", "dead_ends", "stale", "findings"].contains(&name);
            match field.parse::<f64>().ok().filter(|_| counted) {
                Some(value) => drop(sheet.write(row, column, value)?),
                None if field.is_empty() => {}
                None => drop(sheet.write_string(row, column, field)?),
            }
        }
    }
    let last = report.figures.calls.len().min(CALLS_MAX) as u32;
    sheet.autofilter(0, 0, last.max(1), CALL_COLUMNS.len() as u16 - 1)?;
    sheet.set_freeze_panes(1, 1)?;
    sheet.set_column_width(0, 30)?;
    sheet.set_column_range_width(1, 3, 20)?;
    Ok(())
}

fn proof(book: &mut Workbook, report: &Report, words: &Words, styles: &Styles) -> Result<(), XlsxError> {
    let sheet = new_sheet(book);
    sheet.set_name(words.t("Proof", "核验"))?;
    let proof = &report.proof;
    let mut rows = vec![
        (words.t("ledger", "账本"), proof.ledger.clone()),
        (words.t("entries", "条数"), proof.entries.to_string()),
        (words.t("Merkle root (RFC 6962)", "Merkle 根(RFC 6962)"), proof.root.to_string()),
        (words.t("key", "公钥"), proof.key.clone()),
        (words.t("to check", "核验"), "nightbell verify --data DIR --key KEY".to_string()),
    ];
    let refused = report.figures.refused.iter().map(|one| format!("call {}: {}", one.call, one.why));
    rows.extend(
        refused.chain(proof.faults.iter().cloned()).map(|why| (words.t("not what was written", "与账本不符"), why)),
    );
    for (n, (name, value)) in rows.into_iter().enumerate() {
        sheet.write_with_format(n as u32, 0, name, &styles.soft)?;
        sheet.write_with_format(n as u32, 1, value, &styles.wrap)?;
    }
    sheet.set_column_width(0, 28)?;
    sheet.set_column_width(1, 90)?;
    Ok(())
}
