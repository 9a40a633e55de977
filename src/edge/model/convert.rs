//! CTranslate2's Whisper weights written as a ggml file, and a ggml file made smaller (8 bits a weight).
//!
//! No package carries a ggml file, but some carry the same weights for CTranslate2. Both layouts are plain lists of
//! named arrays; only names and a little arithmetic differ. The output is the same to the byte on every machine, so it
//! is checked against a known SHA-256.

use super::half;
use std::collections::BTreeMap;

const GGML_MAGIC: u32 = 0x6767_6d6c;
const FTYPE_F16: i32 = 1;
/// `GGML_FTYPE_MOSTLY_Q8_0` with version 2 of the quantisation, as ggml writes it.
const FTYPE_Q8_0: i32 = 2 * 1000 + 7;
const TYPE_F32: i32 = 0;
const TYPE_F16: i32 = 1;
const TYPE_Q8_0: i32 = 8;
const MELS: usize = 80;
/// Bins of a 400-point transform.
const BINS: usize = 201;

/// Writes `weights` (CTranslate2's `model.bin`, version 6, f16) and `vocabulary` (its `vocabulary.txt`) as ggml, f16.
pub fn ggml_from_ctranslate2(weights: &[u8], vocabulary: &[u8]) -> Result<Vec<u8>, String> {
    let variables = Variables::read(weights)?;
    let embeddings = variables.get("decoder/embeddings/weight")?;
    let [words, width] = embeddings.dims[..] else { return Err("embeddings are not a table".into()) };
    let positions =
        |side: &str| Ok::<_, String>(variables.get(&format!("{side}/position_encodings/encodings"))?.dims[0]);
    let header = [
        GGML_MAGIC as i32,
        words as i32,
        positions("encoder")? as i32,
        width as i32,
        variables.number("encoder/num_heads")?,
        variables.layers("encoder"),
        positions("decoder")? as i32,
        width as i32,
        variables.number("decoder/num_heads")?,
        variables.layers("decoder"),
        MELS as i32,
        FTYPE_F16,
    ];
    let mut out = Vec::with_capacity(weights.len() + (4 << 20));
    for number in header {
        out.extend(number.to_le_bytes());
    }
    write_mel_filters(&mut out);
    write_vocabulary(vocabulary, &mut out)?;
    let mut tensors = Tensors { variables: &variables, out };
    tensors.encoder(variables.layers("encoder"))?;
    tensors.decoder(variables.layers("decoder"))?;
    Ok(tensors.out)
}

struct Variable<'a> {
    dims: Vec<usize>,
    kind: u8,
    data: &'a [u8],
}

struct Variables<'a>(BTreeMap<String, Variable<'a>>);

impl<'a> Variables<'a> {
    fn read(bytes: &'a [u8]) -> Result<Variables<'a>, String> {
        let mut reader = Reader { bytes, at: 0 };
        let version = reader.u32()?;
        let spec = reader.string()?;
        if version != 6 || spec != "WhisperSpec" {
            return Err(format!("not CTranslate2 Whisper weights of version 6 (version {version}, {spec:?})"));
        }
        let _revision = reader.u32()?;
        let count = reader.u32()?;
        let mut variables = BTreeMap::new();
        for _ in 0..count {
            let name = reader.string()?;
            let rank = reader.u8()?;
            let dims = (0..rank).map(|_| reader.u32().map(|d| d as usize)).collect::<Result<Vec<_>, _>>()?;
            let kind = reader.u8()?;
            let length = reader.u32()? as usize;
            variables.insert(name, Variable { dims, kind, data: reader.take(length)? });
        }
        Ok(Variables(variables))
    }

    fn get(&self, name: &str) -> Result<&Variable<'a>, String> {
        self.0.get(name).ok_or_else(|| format!("the weights lack {name}"))
    }

    /// A scalar of 16 bits.
    fn number(&self, name: &str) -> Result<i32, String> {
        match self.get(name)? {
            Variable { kind: 2, data: [low, high], .. } => Ok(i32::from(i16::from_le_bytes([*low, *high]))),
            _ => Err(format!("{name} is not a 16-bit number")),
        }
    }

    fn layers(&self, side: &str) -> i32 {
        (0..).take_while(|l| self.0.contains_key(&format!("{side}/layer_{l}/ffn/layer_norm/beta"))).count() as i32
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(length).filter(|&e| e <= self.bytes.len());
        let end = end.ok_or_else(|| format!("the file ends early, at byte {}", self.bytes.len()))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.take(4)?.try_into().expect("four bytes")))
    }

    /// Two bytes of length, which counts the closing NUL.
    fn string(&mut self) -> Result<String, String> {
        let length = u16::from_le_bytes(self.take(2)?.try_into().expect("two bytes"));
        let bytes = self.take(usize::from(length))?;
        let text = bytes.strip_suffix(b"\0").ok_or("a name does not end")?;
        String::from_utf8(text.to_vec()).map_err(|_| "a name is not UTF-8".to_string())
    }
}

/// Slaney's mel filters, as librosa computes them for 16 kHz, 400 points, 80 bands.
fn write_mel_filters(out: &mut Vec<u8>) {
    // Linear below 1 kHz, logarithmic above.
    let step = 6.4f64.ln() / 27.0;
    let mel_of = |hz: f64| if hz < 1000.0 { hz * 3.0 / 200.0 } else { 15.0 + (hz / 1000.0).ln() / step };
    let hz_of = |mel: f64| if mel < 15.0 { mel * (200.0 / 3.0) } else { 1000.0 * (step * (mel - 15.0)).exp() };
    let width = mel_of(8000.0) / (MELS + 1) as f64;
    let mut edges: Vec<f64> = (0..=MELS).map(|i| hz_of(width * i as f64)).collect();
    edges.push(hz_of(mel_of(8000.0)));
    out.extend((MELS as i32).to_le_bytes());
    out.extend((BINS as i32).to_le_bytes());
    for band in 0..MELS {
        let (low, mid, high) = (edges[band], edges[band + 1], edges[band + 2]);
        let area = 2.0 / (high - low);
        for bin in 0..BINS {
            let hz = bin as f64 * 16000.0 / 400.0;
            let weight = ((hz - low) / (mid - low)).min((high - hz) / (high - mid)).max(0.0);
            out.extend(((weight * area) as f32).to_le_bytes());
        }
    }
}

/// The words before the special ones. They are written in GPT-2's alphabet, which has a printable letter for each byte.
fn write_vocabulary(vocabulary: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    const WORDS: usize = 50257;
    let mut byte_of: BTreeMap<char, u8> = BTreeMap::new();
    let mut spare = 256;
    for byte in 0..=255u8 {
        let printable = matches!(byte, 33..=126 | 161..=172 | 174..=255);
        let letter = if printable {
            char::from(byte)
        } else {
            spare += 1;
            char::from_u32(spare - 1).expect("a letter of Latin Extended-A")
        };
        byte_of.insert(letter, byte);
    }
    // Split on '\n' alone: other line ends are words of the vocabulary.
    let lines: Vec<&[u8]> = vocabulary.split(|&b| b == b'\n').take(WORDS).collect();
    if lines.len() < WORDS {
        return Err(format!("the vocabulary has {} words instead of {WORDS}", lines.len()));
    }
    out.extend((WORDS as i32).to_le_bytes());
    for line in lines {
        let text = std::str::from_utf8(line).map_err(|_| "the vocabulary is not UTF-8")?;
        let word: Option<Vec<u8>> = text.chars().map(|c| byte_of.get(&c).copied()).collect();
        let word = word.ok_or_else(|| format!("the vocabulary has the strange word {text:?}"))?;
        out.extend((word.len() as i32).to_le_bytes());
        out.extend(word);
    }
    Ok(())
}

/// The arrays in the order and under the names of OpenAI's own checkpoint.
struct Tensors<'a> {
    variables: &'a Variables<'a>,
    out: Vec<u8>,
}

impl<'a> Tensors<'a> {
    fn encoder(&mut self, layers: i32) -> Result<(), String> {
        self.single("encoder/position_encodings/encodings", "encoder.positional_embedding", false)?;
        for n in [1, 2] {
            self.rows(&format!("encoder/conv{n}/weight"), (0, 1), &format!("encoder.conv{n}.weight"))?;
            self.single(&format!("encoder/conv{n}/bias"), &format!("encoder.conv{n}.bias"), true)?;
        }
        for layer in 0..layers {
            let (from, to) = (format!("encoder/layer_{layer}"), format!("encoder.blocks.{layer}"));
            self.self_attention(&from, &to)?;
            self.feed_forward(&from, &to)?;
        }
        self.norm("encoder/layer_norm", "encoder.ln_post")
    }

    fn decoder(&mut self, layers: i32) -> Result<(), String> {
        self.single("decoder/position_encodings/encodings", "decoder.positional_embedding", false)?;
        self.rows("decoder/embeddings/weight", (0, 1), "decoder.token_embedding.weight")?;
        for layer in 0..layers {
            let (from, to) = (format!("decoder/layer_{layer}"), format!("decoder.blocks.{layer}"));
            self.self_attention(&from, &to)?;
            let (other, cross) = (format!("{from}/attention"), format!("{to}.cross_attn"));
            self.norm(&format!("{other}/layer_norm"), &format!("{to}.cross_attn_ln"))?;
            self.linear(&format!("{other}/linear_0"), (0, 1), &format!("{cross}.query"), true)?;
            self.linear(&format!("{other}/linear_1"), (0, 2), &format!("{cross}.key"), false)?;
            self.linear(&format!("{other}/linear_1"), (1, 2), &format!("{cross}.value"), true)?;
            self.linear(&format!("{other}/linear_2"), (0, 1), &format!("{cross}.out"), true)?;
            self.feed_forward(&from, &to)?;
        }
        self.norm("decoder/layer_norm", "decoder.ln")
    }

    fn self_attention(&mut self, from: &str, to: &str) -> Result<(), String> {
        let from = format!("{from}/self_attention");
        self.norm(&format!("{from}/layer_norm"), &format!("{to}.attn_ln"))?;
        self.linear(&format!("{from}/linear_0"), (0, 3), &format!("{to}.attn.query"), true)?;
        // Whisper's keys have no bias; CTranslate2 keeps zeros in its place.
        self.linear(&format!("{from}/linear_0"), (1, 3), &format!("{to}.attn.key"), false)?;
        self.linear(&format!("{from}/linear_0"), (2, 3), &format!("{to}.attn.value"), true)?;
        self.linear(&format!("{from}/linear_1"), (0, 1), &format!("{to}.attn.out"), true)
    }

    fn feed_forward(&mut self, from: &str, to: &str) -> Result<(), String> {
        self.norm(&format!("{from}/ffn/layer_norm"), &format!("{to}.mlp_ln"))?;
        self.linear(&format!("{from}/ffn/linear_0"), (0, 1), &format!("{to}.mlp.0"), true)?;
        self.linear(&format!("{from}/ffn/linear_1"), (0, 1), &format!("{to}.mlp.2"), true)
    }

    fn norm(&mut self, from: &str, to: &str) -> Result<(), String> {
        self.single(&format!("{from}/gamma"), &format!("{to}.weight"), false)?;
        self.single(&format!("{from}/beta"), &format!("{to}.bias"), false)
    }

    /// Part `part.0` of `part.1` of the rows: CTranslate2 stacks query, key and value.
    fn linear(&mut self, from: &str, part: (usize, usize), to: &str, bias: bool) -> Result<(), String> {
        self.rows(&format!("{from}/weight"), part, &format!("{to}.weight"))?;
        if bias {
            let variable = self.half(&format!("{from}/bias"))?;
            let (count, size) = (variable.dims[0] / part.1, variable.data.len() / part.1);
            let data = widened(&variable.data[part.0 * size..][..size]);
            write_tensor(&mut self.out, &format!("{to}.bias"), &[count], TYPE_F32, &data);
        }
        Ok(())
    }

    fn rows(&mut self, from: &str, part: (usize, usize), to: &str) -> Result<(), String> {
        let variable = self.half(from)?;
        let size = variable.data.len() / part.1;
        let mut dims = variable.dims.clone();
        dims[0] /= part.1;
        write_tensor(&mut self.out, to, &dims, TYPE_F16, &variable.data[part.0 * size..][..size]);
        Ok(())
    }

    /// In single precision; `column`: as a column, which is how ggml wants the biases of convolutions.
    fn single(&mut self, from: &str, to: &str, column: bool) -> Result<(), String> {
        let variable = self.half(from)?;
        let mut dims = variable.dims.clone();
        if column {
            dims.push(1);
        }
        write_tensor(&mut self.out, to, &dims, TYPE_F32, &widened(variable.data));
        Ok(())
    }

    fn half(&self, name: &str) -> Result<&'a Variable<'a>, String> {
        let variable = self.variables.get(name)?;
        let sized = variable.dims.iter().product::<usize>() * 2 == variable.data.len();
        if variable.kind == 4 && sized && !variable.dims.is_empty() {
            Ok(variable)
        } else {
            Err(format!("{name} is not in half precision"))
        }
    }
}

fn widened(halves: &[u8]) -> Vec<u8> {
    halves.chunks_exact(2).flat_map(|h| half::to_single(u16::from_le_bytes([h[0], h[1]])).to_le_bytes()).collect()
}

fn write_tensor(out: &mut Vec<u8>, name: &str, dims: &[usize], kind: i32, data: &[u8]) {
    for number in [dims.len() as i32, name.len() as i32, kind] {
        out.extend(number.to_le_bytes());
    }
    for &d in dims.iter().rev() {
        out.extend((d as i32).to_le_bytes());
    }
    out.extend(name.as_bytes());
    out.extend(data);
}

/// What the head of a ggml file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GgmlHead {
    pub vocabulary: i32,
    pub audio_layers: i32,
    pub text_layers: i32,
    pub mels: i32,
    pub ftype: i32,
}

impl GgmlHead {
    /// OpenAI's name for the size.
    pub fn size_name(&self) -> &'static str {
        match (self.audio_layers, self.text_layers) {
            (4, _) => "tiny",
            (6, _) => "base",
            (12, _) => "small",
            (24, _) => "medium",
            (32, 4) => "large-v3-turbo",
            (32, 2) => "large distilled",
            (32, _) if self.vocabulary == 51866 => "large-v3",
            (32, _) => "large",
            _ => "unusual",
        }
    }

    /// English-only models have one word fewer.
    pub fn multilingual(&self) -> bool {
        self.vocabulary >= 51865
    }

    /// How the weights are held, as ggml names it.
    pub fn weights_name(&self) -> &'static str {
        match self.ftype % 1000 {
            0 => "f32",
            1 => "f16",
            2 => "q4_0",
            3 => "q4_1",
            7 => "q8_0",
            8 => "q5_0",
            9 => "q5_1",
            _ => "other",
        }
    }
}

/// Reads a ggml file from end to end without loading it: a file cut short or of another kind is told apart here and not
/// by a crash in native code.
pub fn read_ggml(bytes: &[u8]) -> Result<GgmlHead, String> {
    walk_ggml(bytes, |_, _, _, _| Ok(()))
}

/// The head alone, from the first megabytes of a file.
pub fn read_ggml_head(start: &[u8]) -> Result<GgmlHead, String> {
    ggml_head(start).map(|(head, _)| head)
}

type Visit<'v> = &'v mut dyn FnMut(&str, &[usize], i32, &[u8]) -> Result<(), String>;

fn walk_ggml(
    bytes: &[u8],
    mut visit: impl FnMut(&str, &[usize], i32, &[u8]) -> Result<(), String>,
) -> Result<GgmlHead, String> {
    let (head, mut reader) = ggml_head(bytes)?;
    let mut count = 0;
    while reader.at < bytes.len() {
        tensor(&mut reader, &mut visit)?;
        count += 1;
    }
    let expected = 11 + 15 * head.audio_layers + 24 * head.text_layers;
    if count != expected {
        return Err(format!("the file has {count} arrays instead of {expected}"));
    }
    Ok(head)
}

/// The head, and a reader that stands at the first array.
fn ggml_head(bytes: &[u8]) -> Result<(GgmlHead, Reader<'_>), String> {
    let mut reader = Reader { bytes, at: 0 };
    if bytes.len() < 4 || reader.u32()? != GGML_MAGIC {
        return Err("this is not a Whisper model in ggml's format (its first four bytes would be \"lmgg\")".into());
    }
    let mut numbers = [0i32; 11];
    for n in &mut numbers {
        *n = reader.u32()? as i32;
    }
    let [vocabulary, _, _, _, audio_layers, _, _, _, text_layers, mels, ftype] = numbers;
    let head = GgmlHead { vocabulary, audio_layers, text_layers, mels, ftype };
    let plausible = (50_000..60_000).contains(&vocabulary)
        && (1..=64).contains(&audio_layers)
        && (1..=64).contains(&text_layers)
        && matches!(mels, 80 | 128);
    if !plausible {
        return Err(format!("the head of the file is not that of a Whisper model: {numbers:?}"));
    }
    let (bands, bins) = (reader.u32()? as usize, reader.u32()? as usize);
    reader.take(bands.saturating_mul(bins).saturating_mul(4))?;
    for _ in 0..reader.u32()? {
        let length = reader.u32()? as usize;
        reader.take(length)?;
    }
    Ok((head, reader))
}

fn tensor(reader: &mut Reader<'_>, visit: Visit<'_>) -> Result<(), String> {
    let rank = reader.u32()? as usize;
    let name_length = reader.u32()? as usize;
    let kind = reader.u32()? as i32;
    if !(1..=4).contains(&rank) {
        return Err(format!("an array of rank {rank} at byte {}", reader.at));
    }
    let mut dims = (0..rank).map(|_| reader.u32().map(|d| d as usize)).collect::<Result<Vec<_>, _>>()?;
    dims.reverse();
    let name = String::from_utf8_lossy(reader.take(name_length)?).into_owned();
    let count = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).ok_or("an array without end")?;
    let size = match kind {
        TYPE_F32 => count * 4,
        TYPE_F16 => count * 2,
        2 => count / 32 * 18,
        3 => count / 32 * 20,
        6 => count / 32 * 22,
        7 => count / 32 * 24,
        TYPE_Q8_0 => count / 32 * 34,
        10 => count / 256 * 84,
        11 => count / 256 * 110,
        12 => count / 256 * 144,
        13 => count / 256 * 176,
        14 => count / 256 * 210,
        other => return Err(format!("array {name} has the unknown kind {other}")),
    };
    let data = reader.take(size).map_err(|e| format!("{e}, within array {name}"))?;
    visit(&name, &dims, kind, data)
}

/// The same model with 8 bits a weight: as accurate, a quarter faster, half the size.
pub fn quantised(f16: &[u8]) -> Result<Vec<u8>, String> {
    let (head, reader) = ggml_head(f16)?;
    if head.ftype != FTYPE_F16 {
        return Err(format!("only f16 is made smaller, and this is {}", head.weights_name()));
    }
    let mut out = Vec::with_capacity(f16.len() * 5 / 8);
    out.extend(&f16[..reader.at]);
    // The eleventh number of the head, behind the magic.
    out[4 + 10 * 4..4 + 11 * 4].copy_from_slice(&FTYPE_Q8_0.to_le_bytes());
    walk_ggml(f16, |name, dims, kind, data| {
        let table = dims.len() == 2 && kind == TYPE_F16 && dims[1] % 32 == 0;
        if table {
            write_tensor(&mut out, name, dims, TYPE_Q8_0, &q8_0(data));
        } else {
            write_tensor(&mut out, name, dims, kind, data);
        }
        Ok(())
    })?;
    Ok(out)
}

/// ggml's `quantize_row_q8_0_ref`: blocks of 32 with one half-precision scale.
fn q8_0(halves: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(halves.len() / 64 * 34);
    for block in halves.chunks_exact(64) {
        let mut values = [0f32; 32];
        for (value, h) in values.iter_mut().zip(block.chunks_exact(2)) {
            *value = half::to_single(u16::from_le_bytes([h[0], h[1]]));
        }
        let largest = values.iter().fold(0f32, |m, v| m.max(v.abs()));
        let scale = largest / 127.0;
        let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
        out.extend(half::from_single(scale).to_le_bytes());
        out.extend(values.iter().map(|v| (v * inverse).round() as i8 as u8));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_model_is_told_from_one() {
        let mut head = Vec::new();
        for n in [GGML_MAGIC as i32, 51865, 1500, 512, 8, 6, 448, 512, 8, 6, 80, 1] {
            head.extend(n.to_le_bytes());
        }
        for (bytes, complaint) in [
            (b"".to_vec(), "not a Whisper model"),
            (b"RIFF....WAVE".to_vec(), "not a Whisper model"),
            (b"GGUF\x03\0\0\0".to_vec(), "not a Whisper model"),
            (head[..20].to_vec(), "ends early"),
            (head.clone(), "ends early"),
            ([&GGML_MAGIC.to_le_bytes()[..], &[0xff; 80]].concat(), "not that of a Whisper model"),
        ] {
            let said = read_ggml(&bytes).unwrap_err();
            assert!(said.contains(complaint), "{said}");
        }
    }

    #[test]
    fn eight_bits_keep_a_weight_within_half_a_step() {
        let weights: Vec<f32> = (0..32).map(|i| (i as f32 - 15.5) / 7.0).collect();
        let halves: Vec<u8> = weights.iter().flat_map(|w| half::from_single(*w).to_le_bytes()).collect();
        let block = q8_0(&halves);
        assert_eq!(block.len(), 34);
        let scale = half::to_single(u16::from_le_bytes([block[0], block[1]]));
        for (w, q) in weights.iter().zip(&block[2..]) {
            assert!((w - f32::from(*q as i8) * scale).abs() <= scale * 0.6, "{w}");
        }
    }
}
