//! Mandarin prompts joined from single recorded syllables: which syllables a text needs, and how they are joined.
//!
//! The recordings (Debian's `gcin-voice`, one person) lie in folders named by zhuyin and tone. A prompt made so is
//! stilted, but people and recognisers understand it.

use crate::vocabulary::{SAMPLE_RATE, pinyin};

/// A syllable as the recordings name it: zhuyin, then the tone (`1` the light one, nothing the first).
pub type Zhuyin = String;

/// What is to be said next.
#[derive(Clone, Debug, PartialEq)]
pub enum Beat {
    Syllable(Zhuyin),
    Pause { ms: u32 },
}

const PAUSE_MS: u32 = 350;
/// Measured by how well the prompts are recognised: 320 ms and longer fades cost three times the errors.
const SYLLABLE_MS_MAX: usize = 420;
const FADE_MS: usize = 15;
/// Root mean square that every syllable is brought to, of full scale: −20 dB.
const LEVEL: f32 = 0.1 * 32768.0;

/// Words that are read otherwise than their characters usually are.
const READ_OTHERWISE: &[(&str, &str)] = &[
    ("银行", "yin2 hang2"),
    ("行情", "hang2 qing2"),
    ("同行", "tong2 hang2"),
    ("开户行", "kai1 hu4 hang2"),
    ("重新", "chong2 xin1"),
    ("重复", "chong2 fu4"),
    ("重听", "chong2 ting1"),
    ("重拨", "chong2 bo1"),
    ("重置", "chong2 zhi4"),
    ("重庆", "chong2 qing4"),
    ("长途", "chang2 tu2"),
    ("还款", "huan2 kuan3"),
    ("归还", "gui1 huan2"),
    ("还车", "huan2 che1"),
    ("为您", "wei4 nin2"),
    ("为了", "wei4 le5"),
    ("因为", "yin1 wei4"),
    ("以便", "yi3 bian4"),
    ("处理", "chu3 li3"),
    ("调整", "tiao2 zheng3"),
    ("空调", "kong1 tiao2"),
    ("音乐", "yin1 yue4"),
    ("汇率", "hui4 lv4"),
    ("利率", "li4 lv4"),
    ("效率", "xiao4 lv4"),
    ("得到", "de2 dao4"),
    ("便宜", "pian2 yi5"),
    ("差旅", "chai1 lv3"),
    ("出差", "chu1 chai1"),
    ("什么", "shen2 me5"),
    ("省市", "sheng3 shi4"),
    ("都可", "dou1 ke3"),
    ("都将", "dou1 jiang1"),
    ("空号", "kong1 hao4"),
    ("目的", "mu4 di4"),
    ("地址", "di4 zhi3"),
    ("数据", "shu4 ju4"),
    ("数量", "shu4 liang4"),
    ("只需", "zhi3 xu1"),
    ("参加", "can1 jia1"),
    ("传真", "chuan2 zhen1"),
    ("答复", "da2 fu4"),
    ("应用", "ying4 yong4"),
    ("相关", "xiang1 guan1"),
    ("缴纳", "jiao3 na4"),
    ("供电", "gong1 dian4"),
    ("供水", "gong1 shui3"),
    ("供热", "gong1 re4"),
    ("提供", "ti2 gong1"),
    ("结束", "jie2 shu4"),
    ("倒数", "dao4 shu3"),
    ("转接", "zhuan3 jie1"),
    ("没有", "mei2 you3"),
    ("给您", "gei3 nin2"),
    ("了解", "liao3 jie3"),
    ("受理", "shou4 li3"),
    ("听得", "ting1 de5"),
];

/// What `text` needs: a syllable for every character and digit, a pause at every mark.
pub fn beats(text: &str) -> Vec<Beat> {
    let chars: Vec<char> = text.chars().collect();
    let mut beats = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let rest: String = chars[i..].iter().take(4).collect();
        if let Some((word, reading)) = READ_OTHERWISE.iter().find(|(w, _)| rest.starts_with(w)) {
            beats.extend(reading.split(' ').filter_map(zhuyin).map(Beat::Syllable));
            i += word.chars().count();
            continue;
        }
        match usual(chars[i]) {
            Some(syllable) => beats.push(Beat::Syllable(syllable)),
            // One pause, however many marks.
            None => {
                if !matches!(beats.last(), Some(Beat::Pause { .. }) | None) {
                    beats.push(Beat::Pause { ms: PAUSE_MS });
                }
            }
        }
        i += 1;
    }
    if matches!(beats.last(), Some(Beat::Pause { .. })) {
        beats.pop();
    }
    beats
}

/// The usual reading of a character.
fn usual(c: char) -> Option<Zhuyin> {
    // The crate's data puts a rarer reading first for these.
    let fixed = match c {
        '的' => Some("de5"),
        '了' => Some("le5"),
        '吗' => Some("ma5"),
        '们' => Some("men5"),
        '着' => Some("zhe5"),
        '地' => Some("de5"),
        '得' => Some("de5"),
        '和' => Some("he2"),
        '会' => Some("hui4"),
        '系' => Some("xi4"),
        '都' => Some("dou1"),
        '将' => Some("jiang1"),
        '请' => Some("qing3"),
        '您' => Some("nin2"),
        '不' => Some("bu4"),
        '一' => Some("yi1"),
        _ => None,
    };
    fixed.and_then(zhuyin).or_else(|| zhuyin(&pinyin::with_tone(c)?))
}

/// `qing3` as `ㄑㄧㄥ3`. The recordings call the light tone 1 and leave the first tone out.
pub fn zhuyin(pinyin: &str) -> Option<Zhuyin> {
    let tone = pinyin.chars().last()?.to_digit(10).unwrap_or(5);
    let letters = pinyin.trim_end_matches(|c: char| c.is_ascii_digit()).replace('ü', "v");
    let mut initial = INITIALS.iter().filter(|(i, _)| letters.starts_with(i)).max_by_key(|(i, _)| i.len());
    let mut rhyme = letters[initial.map_or(0, |(i, _)| i.len())..].to_string();
    match letters.as_bytes().first()? {
        b'y' => {
            let rest = &letters[1..];
            rhyme = match rest {
                "i" | "in" | "ing" => rest.to_string(),
                "u" | "ue" | "uan" | "un" => format!("v{}", &rest[1..]),
                _ => format!("i{rest}"),
            };
            initial = None;
        }
        b'w' => {
            let rest = &letters[1..];
            rhyme = if rest == "u" { "u".into() } else { format!("u{rest}") };
            initial = None;
        }
        b'j' | b'q' | b'x' if rhyme.starts_with('u') => rhyme = format!("v{}", &rhyme[1..]),
        _ => {}
    }
    // zhi, chi, shi, ri, zi, ci, si: the initial alone.
    if rhyme == "i" && initial.is_some_and(|(i, _)| matches!(*i, "zh" | "ch" | "sh" | "r" | "z" | "c" | "s")) {
        rhyme.clear();
    }
    let written = if rhyme.is_empty() { "" } else { RHYMES.iter().find(|(r, _)| *r == rhyme)?.1 };
    let mark = match tone {
        1 => "",
        2 => "2",
        3 => "3",
        4 => "4",
        _ => "1",
    };
    Some(format!("{}{written}{mark}", initial.map_or("", |(_, z)| z)))
}

const INITIALS: [(&str, &str); 21] = [
    ("b", "ㄅ"),
    ("p", "ㄆ"),
    ("m", "ㄇ"),
    ("f", "ㄈ"),
    ("d", "ㄉ"),
    ("t", "ㄊ"),
    ("n", "ㄋ"),
    ("l", "ㄌ"),
    ("g", "ㄍ"),
    ("k", "ㄎ"),
    ("h", "ㄏ"),
    ("j", "ㄐ"),
    ("q", "ㄑ"),
    ("x", "ㄒ"),
    ("zh", "ㄓ"),
    ("ch", "ㄔ"),
    ("sh", "ㄕ"),
    ("r", "ㄖ"),
    ("z", "ㄗ"),
    ("c", "ㄘ"),
    ("s", "ㄙ"),
];

const RHYMES: [(&str, &str); 41] = [
    ("a", "ㄚ"),
    ("o", "ㄛ"),
    ("e", "ㄜ"),
    ("ai", "ㄞ"),
    ("ei", "ㄟ"),
    ("ao", "ㄠ"),
    ("ou", "ㄡ"),
    ("an", "ㄢ"),
    ("en", "ㄣ"),
    ("ang", "ㄤ"),
    ("eng", "ㄥ"),
    ("er", "ㄦ"),
    ("i", "ㄧ"),
    ("ia", "ㄧㄚ"),
    ("ie", "ㄧㄝ"),
    ("iao", "ㄧㄠ"),
    ("iu", "ㄧㄡ"),
    ("iou", "ㄧㄡ"),
    ("ian", "ㄧㄢ"),
    ("in", "ㄧㄣ"),
    ("iang", "ㄧㄤ"),
    ("ing", "ㄧㄥ"),
    ("iong", "ㄩㄥ"),
    ("io", "ㄧㄛ"),
    ("u", "ㄨ"),
    ("ua", "ㄨㄚ"),
    ("uo", "ㄨㄛ"),
    ("uai", "ㄨㄞ"),
    ("ui", "ㄨㄟ"),
    ("uei", "ㄨㄟ"),
    ("uan", "ㄨㄢ"),
    ("un", "ㄨㄣ"),
    ("uen", "ㄨㄣ"),
    ("uang", "ㄨㄤ"),
    ("ueng", "ㄨㄥ"),
    ("ong", "ㄨㄥ"),
    ("v", "ㄩ"),
    ("ve", "ㄩㄝ"),
    ("ue", "ㄩㄝ"),
    ("van", "ㄩㄢ"),
    ("vn", "ㄩㄣ"),
];

/// Where to look for a syllable, the best first: another tone is better than a hole.
pub fn stand_ins(wanted: &Zhuyin) -> Vec<Zhuyin> {
    let bare = wanted.trim_end_matches(|c: char| c.is_ascii_digit());
    let mut all = vec![wanted.clone()];
    all.extend(["", "4", "3", "2", "1"].iter().map(|tone| format!("{bare}{tone}")).filter(|z| z != wanted));
    all
}

/// Joins the beats; `voice` gives the recording of a syllable at 8 kHz.
pub fn joined(beats: &[Beat], mut voice: impl FnMut(&Zhuyin) -> Result<Vec<i16>, String>) -> Result<Vec<i16>, String> {
    let mut out: Vec<f32> = vec![0.0; samples(100)];
    for beat in beats {
        match beat {
            Beat::Pause { ms } => out.resize(out.len() + samples(*ms as usize), 0.0),
            Beat::Syllable(name) => cross_faded(&mut out, &prepared(&voice(name)?)),
        }
    }
    out.resize(out.len() + samples(200), 0.0);
    Ok(out.iter().map(|s| s.round().clamp(-32768.0, 32767.0) as i16).collect())
}

fn samples(ms: usize) -> usize {
    ms * SAMPLE_RATE as usize / 1000
}

/// Trimmed to where it sounds, no longer than a spoken syllable, and at the common level.
fn prepared(recording: &[i16]) -> Vec<f32> {
    let frame = samples(10);
    let levels: Vec<f32> = recording
        .chunks(frame)
        .map(|c| (c.iter().map(|&s| f32::from(s) * f32::from(s)).sum::<f32>() / c.len() as f32).sqrt())
        .collect();
    let loudest = levels.iter().copied().fold(0.0, f32::max);
    let sounds = |l: &f32| *l > loudest * 0.04;
    let first = levels.iter().position(sounds).unwrap_or(0);
    let last = levels.iter().rposition(sounds).unwrap_or(0);
    let cut = &recording[first * frame..((last + 1) * frame).min(recording.len())];
    let cut = &cut[..cut.len().min(samples(SYLLABLE_MS_MAX))];
    let power = cut.iter().map(|&s| f32::from(s) * f32::from(s)).sum::<f32>() / cut.len().max(1) as f32;
    let gain = if power > 0.0 { LEVEL / power.sqrt() } else { 0.0 };
    let mut sound: Vec<f32> = cut.iter().map(|&s| f32::from(s) * gain).collect();
    let fade = samples(FADE_MS).min(sound.len() / 2);
    let length = sound.len();
    for i in 0..fade {
        let part = (i + 1) as f32 / (fade + 1) as f32;
        sound[i] *= part;
        sound[length - 1 - i] *= part;
    }
    sound
}

fn cross_faded(out: &mut Vec<f32>, next: &[f32]) {
    let over = samples(FADE_MS).min(next.len()).min(out.len());
    let from = out.len() - over;
    for (i, s) in next.iter().take(over).enumerate() {
        out[from + i] += s;
    }
    out.extend(&next[over..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_are_named_as_the_recordings_are() {
        for (pinyin, expected) in [
            ("qing3", "ㄑㄧㄥ3"),
            ("an4", "ㄢ4"),
            ("yi1", "ㄧ"),
            ("er4", "ㄦ4"),
            ("shi4", "ㄕ4"),
            ("zhuan3", "ㄓㄨㄢ3"),
            ("wu4", "ㄨ4"),
            ("xun2", "ㄒㄩㄣ2"),
            ("lv4", "ㄌㄩ4"),
            ("yue4", "ㄩㄝ4"),
            ("yong4", "ㄩㄥ4"),
            ("gong1", "ㄍㄨㄥ"),
            ("wei4", "ㄨㄟ4"),
            ("jiu3", "ㄐㄧㄡ3"),
            ("de5", "ㄉㄜ1"),
            ("weng1", "ㄨㄥ"),
            ("you3", "ㄧㄡ3"),
            ("yan2", "ㄧㄢ2"),
        ] {
            assert_eq!(zhuyin(pinyin).as_deref(), Some(expected), "{pinyin}");
        }
    }

    #[test]
    fn a_text_is_read_with_its_polyphones_and_its_pauses() {
        for (text, expected) in [
            ("请按1，", "ㄑㄧㄥ3 ㄢ4 ㄧ"),
            ("银行，重新。", "ㄧㄣ2 ㄏㄤ2 | ㄔㄨㄥ2 ㄒㄧㄣ"),
            ("人工服务", "ㄖㄣ2 ㄍㄨㄥ ㄈㄨ2 ㄨ4"),
            ("", ""),
        ] {
            let said: Vec<String> = beats(text)
                .into_iter()
                .map(|b| match b {
                    Beat::Syllable(s) => s,
                    Beat::Pause { .. } => "|".into(),
                })
                .collect();
            assert_eq!(said.join(" "), expected, "{text}");
        }
    }

    #[test]
    fn joined_syllables_have_their_length_and_level() {
        let tone: Vec<i16> = (0..4000).map(|i| if i < 500 { 0 } else { ((i % 20) * 100 - 1000) as i16 }).collect();
        let beats = [Beat::Syllable("a".into()), Beat::Pause { ms: 300 }, Beat::Syllable("a".into())];
        let sound = joined(&beats, |_| Ok(tone.clone())).unwrap();
        let seconds = sound.len() as f32 / SAMPLE_RATE as f32;
        assert!((seconds - (0.1 + 2.0 * 0.405 + 0.3 + 0.2)).abs() < 0.05, "{seconds}");
        let loudest = sound.iter().map(|s| s.unsigned_abs()).max().unwrap();
        assert!((3000..12000).contains(&loudest), "{loudest}");
        assert!(joined(&beats, |name| Err(format!("no {name}"))).is_err());
    }
}
