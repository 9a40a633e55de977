//! How Chinese characters sound, and how far two sounds are from each other.
//!
//! Recognition at 8 kHz errs by near-homophones (请按 heard as 起案), so Chinese words are compared by syllable and not
//! by character. Tones are left out: they are what a telephone and a small model lose first.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// One Mandarin syllable without its tone: `qing`, `lv`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Syllable(u16);

impl Syllable {
    /// In plain letters, `v` for `ü`.
    pub fn letters(self) -> &'static str {
        table().letters[usize::from(self.0)]
    }

    /// The syllable written so, if any Chinese character is read so.
    pub fn read(letters: &str) -> Option<Syllable> {
        let letters = letters.to_lowercase().replace(['ü', 'Ü'], "v");
        table().letters.binary_search(&letters.as_str()).ok().map(|i| Syllable(i as u16))
    }

    /// The same syllable for those that differ only by a closing n or ng.
    pub fn merged(self) -> Syllable {
        Syllable(table().merged[usize::from(self.0)])
    }

    /// Its place in the alphabetical list of syllables.
    pub fn index(self) -> u16 {
        self.0
    }

    /// 0 when they sound alike; 0.15 to 0.6 for what is often confused (zh/z, n/ng, l/n, r/l); about 1 to 2 otherwise.
    pub fn distance(self, other: Syllable) -> f32 {
        let table = table();
        table.distances[usize::from(self.0) * table.letters.len() + usize::from(other.0)]
    }
}

impl std::fmt::Debug for Syllable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.letters())
    }
}

/// How far apart two characters can be at most: what `char_distance` says when one of them has no sound.
pub const FAR: f32 = 3.0;

/// The readings of a character that are alive, the usual one first. Digits are read as their Chinese words; others have none.
pub fn readings(c: char) -> &'static [Syllable] {
    let table = table();
    let c = spoken(c);
    match (c as u32).checked_sub(FIRST as u32).map(|i| i as usize) {
        Some(i) if i < table.spans.len() => {
            let (from, count) = table.spans[i];
            &table.readings[from as usize..from as usize + usize::from(count)]
        }
        _ => &[],
    }
}

/// The usual reading of a character.
pub fn syllable(c: char) -> Option<Syllable> {
    readings(c).first().copied()
}

/// The usual reading of a character or digit with its tone at the end: `qing3`, `lv4`, `de5`.
pub fn with_tone(c: char) -> Option<String> {
    use pinyin::ToPinyin;
    let read = spoken(c).to_pinyin()?.with_tone_num_end().replace('ü', "v");
    Some(if read.ends_with(|c: char| c.is_ascii_digit()) { read } else { read + "5" })
}

/// The usual reading of every character of `text` that has one; what is not Chinese and no digit is passed over.
pub fn syllables(text: &str) -> Vec<Syllable> {
    text.chars().filter_map(syllable).collect()
}

/// Distance of the nearest readings of two characters; `FAR` when one has none and they are not the same.
pub fn char_distance(a: char, b: char) -> f32 {
    if a == b || spoken(a) == spoken(b) {
        return 0.0;
    }
    let mut nearest = FAR;
    for &x in readings(a) {
        for &y in readings(b) {
            nearest = nearest.min(x.distance(y));
        }
    }
    nearest
}

/// How differently two texts sound: 0 the same, 1 nothing in common. Aligned by edits over characters that have a
/// sound; letters of other scripts count as themselves; blanks and punctuation do not count.
pub fn distance(a: &str, b: &str) -> f32 {
    let a: Vec<char> = sounding(a);
    let b: Vec<char> = sounding(b);
    if a.is_empty() && b.is_empty() {
        return 0.0;
    }
    let mut row: Vec<f32> = (0..=b.len()).map(|j| j as f32).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = (i + 1) as f32;
        for (j, &y) in b.iter().enumerate() {
            let changed = diagonal + char_distance(x, y).min(1.0);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1.0).min(row[j] + 1.0);
        }
    }
    row[b.len()] / a.len().max(b.len()) as f32
}

/// The characters of `text` that are said aloud, letters in lower case.
pub fn sounding(text: &str) -> Vec<char> {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// True for the characters that `readings` knows.
pub fn is_chinese(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c) || c == '〇'
}

const FIRST: char = '\u{4e00}';
const LAST: char = '\u{9fff}';

/// The character said for a digit or a stand-in.
fn spoken(c: char) -> char {
    match c {
        '0'..='9' => "零一二三四五六七八九".chars().nth(c as usize - '0' as usize).unwrap_or(c),
        '０'..='９' => spoken(char::from(b'0' + (c as u32 - '０' as u32) as u8)),
        '〇' => '零',
        _ => c,
    }
}

/// Characters with several living readings that differ by more than their tone.
fn also_read(c: char) -> &'static str {
    const READ_TWICE: &str = "行hang,xing 重chong,zhong 长zhang,chang 長zhang,chang 还huan,hai 還huan,hai 调diao,tiao \
        調diao,tiao 数shu,shuo 了liao,le 得de,dei 地di,de 会hui,kuai 會hui,kuai 都dou,du 参can,shen,cen 參can,shen 传chuan,zhuan \
        傳chuan,zhuan 便bian,pian 差cha,chai,ci 单dan,shan 單dan,shan 弹dan,tan 彈dan,tan 率lv,shuai 没mei,mo 沒mei,mo \
        什shen,shi 省sheng,xing 系xi,ji 校xiao,jiao 乐le,yue 樂le,yue 着zhe,zhao,zhuo 著zhu,zhe,zhao,zhuo 的de,di 和he,huo,hu \
        给gei,ji 給gei,ji 角jiao,jue 觉jue,jiao 覺jue,jiao 解jie,xie 降jiang,xiang 卡ka,qia 落luo,la 模mo,mu 塞sai,se 色se,shai \
        石shi,dan 识shi,zhi 似si,shi 宿su,xiu 提ti,di 削xiao,xue 血xue,xie 扎zha,za 朝chao,zhao 折zhe,she 种zhong,chong 属shu,zhu \
        薄bo,bao 剥bo,bao 车che,ju 車che,ju 称cheng,chen 稱cheng,chen 盛sheng,cheng 畜xu,chu 伺si,ci 大da,dai 度du,duo 恶e,wu \
        否fou,pi 见jian,xian 劲jin,jing 圈quan,juan 括kuo,gua 绿lv,lu 埋mai,man 脉mai,mo 秘mi,bi 区qu,ou 说shuo,shui 說shuo,shui \
        拓tuo,ta 吓xia,he 巷xiang,hang 熟shu,shou 谁shui,shei 誰shui,shei 暴bao,pu 核he,hu 哪na,nei 那na,nei 呢ne,ni 曾ceng,zeng \
        查cha,zha 仔zi,zai 幢zhuang,chuang 露lu,lou 陆lu,liu 六liu,lu 亲qin,qing 粘zhan,nian 番fan,pan 咖ka,ga 将jiang,qiang \
        龟gui,jun,qiu 阿a,e 百bai,bo 伯bo,bai 泊bo,po 藏cang,zang 刹sha,cha 幺yao 万wan,mo 尾wei,yi 期qi,ji 叶ye,xie 摩mo,ma \
        合he,ge 广guang,an 家jia,jie 体ti,ben 约yue,yao 疟nue,yao 嗯en,ng 哦o,e 喔o,wo 壳ke,qiao 蔓man,wan 贾jia,gu 洗xi,xian 奇qi,ji";
    READ_TWICE.split_whitespace().find_map(|entry| entry.strip_prefix(c)).unwrap_or("")
}

struct Table {
    /// Sorted.
    letters: Vec<&'static str>,
    distances: Vec<f32>,
    merged: Vec<u16>,
    /// For each character from `FIRST`: where its readings begin, and how many it has.
    spans: Vec<(u32, u8)>,
    readings: Vec<Syllable>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(Table::build)
}

impl Table {
    fn build() -> Table {
        use pinyin::ToPinyinMulti;
        // `ü` is written `v`; the few such syllables are given their static spelling here.
        fn plain(letters: &'static str) -> &'static str {
            match letters {
                "lü" => "lv",
                "nü" => "nv",
                "lüe" => "lve",
                "nüe" => "nve",
                other => other,
            }
        }
        let mut spelled: Vec<Vec<&'static str>> = Vec::new();
        let mut index: BTreeMap<&'static str, u16> = BTreeMap::new();
        for c in FIRST..=LAST {
            let mut all: Vec<&'static str> = Vec::new();
            if let Some(multi) = c.to_pinyin_multi() {
                let others = also_read(c);
                for (i, one) in multi.into_iter().enumerate() {
                    let letters = plain(one.plain());
                    // Dictionaries list readings of two thousand years; only those still said count as sounding alike.
                    let alive = i == 0 || others.split(',').any(|o| o == letters);
                    if alive && letters.is_ascii() && !all.contains(&letters) {
                        all.push(letters);
                        index.insert(letters, 0);
                    }
                }
            }
            spelled.push(all);
        }
        for (i, (_, number)) in index.iter_mut().enumerate() {
            *number = i as u16;
        }
        let letters: Vec<&'static str> = index.keys().copied().collect();
        let parts: Vec<Parts> = letters.iter().map(|l| Parts::of(l)).collect();
        let mut distances = Vec::with_capacity(parts.len() * parts.len());
        for a in &parts {
            for b in &parts {
                distances.push(a.distance(b));
            }
        }
        let merged = letters
            .iter()
            .enumerate()
            .map(|(i, l)| {
                l.strip_suffix('g').filter(|n| n.ends_with('n')).and_then(|n| index.get(n)).copied().unwrap_or(i as u16)
            })
            .collect();
        let (mut spans, mut readings) = (Vec::with_capacity(spelled.len()), Vec::new());
        for all in spelled {
            spans.push((readings.len() as u32, all.len() as u8));
            readings.extend(all.iter().map(|l| Syllable(index[l])));
        }
        Table { letters, distances, merged, spans, readings }
    }
}

/// A syllable taken apart: 床 is `ch`, `u`, `a`, `ng`.
#[derive(PartialEq)]
struct Parts {
    initial: &'static str,
    medial: char,
    vowel: String,
    coda: &'static str,
}

const INITIALS: [&str; 23] = [
    "zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "r", "z", "c", "s", "y",
    "w",
];

impl Parts {
    fn of(letters: &str) -> Parts {
        let mut initial = INITIALS.iter().copied().find(|i| letters.starts_with(i)).unwrap_or("");
        let written = &letters[initial.len()..];
        let mut rhyme = match initial {
            "y" => match written {
                "i" | "in" | "ing" => written.to_string(),
                "u" | "ue" | "uan" | "un" => format!("v{}", &written[1..]),
                other => format!("i{other}"),
            },
            "w" if written == "u" => "u".to_string(),
            "w" => format!("u{written}"),
            "j" | "q" | "x" if written.starts_with('u') => format!("v{}", &written[1..]),
            _ => written.to_string(),
        };
        if matches!(initial, "y" | "w") {
            initial = "";
        }
        // The rhymes that spelling shortens.
        let full = match rhyme.as_str() {
            "iu" => "iou",
            "ui" => "uei",
            "un" => "uen",
            "vn" => "ven",
            "in" => "ien",
            "ing" => "ieng",
            "ong" => "ueng",
            "iong" => "veng",
            "i" if matches!(initial, "zh" | "ch" | "sh" | "r" | "z" | "c" | "s") => "-",
            other => other,
        };
        rhyme = full.to_string();
        let mut medial = ' ';
        if let Some(first @ ('i' | 'u' | 'v')) = rhyme.chars().next() {
            medial = first;
            rhyme.remove(0);
        }
        let mut coda = "";
        for (end, name) in [("ng", "ng"), ("n", "n"), ("r", "r")] {
            if rhyme.len() > end.len() && rhyme.ends_with(end) {
                rhyme.truncate(rhyme.len() - end.len());
                coda = name;
                break;
            }
        }
        match rhyme.as_str() {
            "ai" | "ei" => coda = "i",
            "ao" | "ou" => coda = "u",
            _ => {}
        }
        if matches!(rhyme.as_str(), "ai" | "ei" | "ao" | "ou") {
            rhyme.truncate(1);
        }
        Parts { initial, medial, vowel: rhyme, coda }
    }

    fn distance(&self, other: &Parts) -> f32 {
        let mut d = initial_distance(self.initial, other.initial);
        if self.medial != other.medial {
            let near = matches!((self.medial, other.medial), ('i', 'v') | ('v', 'i') | (' ', _) | (_, ' '));
            d += if near { 0.3 } else { 0.5 };
        }
        if self.vowel != other.vowel {
            let near = |a: &str, b: &str| matches!((a, b), ("e", "" | "o") | ("-", "e" | "") | ("o", ""));
            d += if near(&self.vowel, &other.vowel) || near(&other.vowel, &self.vowel) { 0.3 } else { 0.55 };
        }
        if self.coda != other.coda {
            d += if matches!((self.coda, other.coda), ("n", "ng") | ("ng", "n")) { 0.15 } else { 0.4 };
        }
        d
    }
}

/// How easily one initial is taken for another over a telephone, by measured confusions and by the dialects' mergers.
fn initial_distance(a: &str, b: &str) -> f32 {
    if a == b {
        return 0.0;
    }
    let near = |a: &str, b: &str| {
        Some(match (a, b) {
            ("zh", "z") | ("ch", "c") | ("sh", "s") => 0.15,
            ("n", "l") => 0.25,
            ("l", "r") | ("f", "h") => 0.3,
            ("b", "p") | ("d", "t") | ("g", "k") | ("j", "q") | ("zh", "ch") | ("z", "c") => 0.4,
            ("m", "n") => 0.45,
            ("j", "z" | "zh") | ("q", "c" | "ch") | ("x", "s" | "sh") | ("q", "x") => 0.5,
            ("k", "h") | ("ch", "sh") | ("h" | "r" | "n" | "l", "") => 0.5,
            ("g", "h") | ("zh", "sh") | ("j", "x") | ("c", "s") | ("m", "b") => 0.6,
            ("zh", "d") | ("l", "d") | ("n", "d") | ("j", "d") | ("q", "t") => 0.6,
            ("m", "f") => 0.7,
            _ => return None,
        })
    };
    near(a, b).or_else(|| near(b, a)).unwrap_or(0.9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_read_with_their_usual_syllable_first() {
        for (text, expected) in [
            ("请按1", "qing an yi"),
            ("人工服务", "ren gong fu wu"),
            ("查詢訂單", "cha xun ding dan"),
            ("女士", "nv shi"),
            ("〇", "ling"),
            ("a，b", ""),
        ] {
            let read: Vec<&str> = syllables(text).iter().map(|s| s.letters()).collect();
            assert_eq!(read.join(" "), expected, "{text}");
        }
        assert!(
            readings('行').iter().any(|s| s.letters() == "hang")
                && readings('行').iter().any(|s| s.letters() == "xing")
        );
    }

    #[test]
    fn what_is_often_confused_is_near_and_the_rest_is_far() {
        let d = |a: &str, b: &str| Syllable::read(a).unwrap().distance(Syllable::read(b).unwrap());
        for (a, b, most) in [
            ("zhi", "zi", 0.2),
            ("jing", "jin", 0.2),
            ("lan", "nan", 0.3),
            ("qing", "qin", 0.2),
            ("fu", "hu", 0.35),
            ("lv", "li", 0.35),
        ] {
            assert!(d(a, b) <= most && d(a, b) > 0.0, "{a} {b} {}", d(a, b));
            assert_eq!(d(a, b), d(b, a), "{a} {b}");
        }
        for (a, b) in [("ren", "wu"), ("gong", "cha"), ("ma", "ji")] {
            assert!(d(a, b) >= 0.9, "{a} {b} {}", d(a, b));
        }
    }

    #[test]
    fn texts_that_sound_alike_are_near() {
        for (a, b, least, most) in [
            ("请按一", "请按1", 0.0, 0.0),
            ("查询订单", "查詩订单", 0.0, 0.4),
            ("请按", "起案", 0.0, 0.4),
            ("人工服务", "人公服務", 0.0, 0.0),
            ("人工服务", "账单查询", 0.6, 1.0),
            ("", "好", 1.0, 1.0),
            ("", "，", 0.0, 0.0),
        ] {
            let d = distance(a, b);
            assert!((least..=most).contains(&d), "{a} {b} {d}");
        }
    }
}
