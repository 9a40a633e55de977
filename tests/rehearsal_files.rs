//! Mistakes in the files of pretend hotlines: each is told with its place and with what to write.

use nightbell::rehearsal::{builtin, reading};

const GOOD: &str = "\
hotline: good
number: \"4001\"
pretends: a good one
pickup: [{ ring: 2s }, answer]
prompts:
  main: [en/hello, 300ms, { file: mine.wav, says: \"Press one.\" }]
menu:
  main:
    say: main
    keys: { 1: next, 0: again, \"*\": silence, \"#\": hang_up }
    invalid: en/pm-invalid-option
    gives_up: next
  next:
    do: [{ music: 2s }, beep, { queue: { says: \"zh/queue-position-{position}\", from: 2, every: 3s } }, { human: en/hello }]
    then: hang_up
";

fn read(text: &str) -> Result<nightbell::rehearsal::Hotline, Vec<String>> {
    reading::read("hotlines/good.yaml", text.as_bytes(), &builtin::texts())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// The good file with one line replaced, and the complaint that must be among those about it.
fn check(line: &str, instead: &str, complaint: &str) -> Result<(), String> {
    assert!(GOOD.contains(line), "'{line}' is not in the good file");
    let Err(problems) = read(&GOOD.replacen(line, instead, 1)) else { return Err(format!("'{instead}' was taken")) };
    let wanted = format!("hotlines/good.yaml:{complaint}");
    if problems.contains(&wanted) {
        return Ok(());
    }
    Err(format!("'{instead}'\n  wanted {wanted}\n  got    {}", problems.join("\n         ")))
}

#[test]
fn a_good_file_is_read() {
    let hotline = read(GOOD).unwrap();
    assert_eq!((hotline.name.as_str(), hotline.number.as_str(), hotline.top.as_str()), ("good", "4001", "main"));
    // Two positions, each said and followed by music, beside the music, the beep and the human.
    assert_eq!(hotline.nodes["next"].does.len(), 7);
    assert!(hotline.parts().iter().any(|part| format!("{part:?}").contains("hotlines/mine.wav")));
}

#[test]
fn each_mistake_is_told_with_its_place_and_with_what_to_write() {
    let mistakes = [
        (
            "number: \"4001\"",
            "number: 4001",
            "2:9: YAML reads 4001 as a number, and number is a text; write \"4001\", with quotes",
        ),
        (
            "hotline: good",
            "hotline: Good one",
            "1:10: 'Good one' is no name of a hotline; write it with a-z, 0-9 and -",
        ),
        ("pretends: a good one\n", "", "1:1: the file has no pretends; write pretends: healthy, two menu levels"),
        ("{ ring: 2s }", "{ ring: 2 s }", "4:18: '2 s' is not a length of time; write 2s"),
        (
            "{ ring: 2s }, answer",
            "{ ring: 2s }",
            "4:9: this pick-up comes to no end; write answer, refuse: 486, play_dead or ring (without a time: for ever) last",
        ),
        (
            "{ ring: 2s }, answer",
            "answer, { ring: 2s }",
            "4:9: nothing can follow the end of a pick-up; write answer, refuse or an endless sound last",
        ),
        (
            "answer]",
            "{ refuse: 200 }]",
            "4:34: a refusal is a SIP status from 300 to 699; write 486 for busy, 404, 503, …",
        ),
        ("en/hello, 300ms", "en/helo, 300ms", "6:10: no recording 'en/helo' is known; write en/hello"),
        ("say: main", "say: mian", "9:10: no prompt 'mian' is known; write main"),
        ("1: next", "1: nxt", "10:16: no place 'nxt' is in the menu; write next"),
        ("1: next", "12: next", "10:13: '12' is not a key; keys are 0-9, *, # and A-D; write one key, like 1 or \"#\""),
        ("invalid: en", "invald: en", "11:5: a place of the menu has no key 'invald'; write invalid"),
        (
            "    then: hang_up",
            "    wait: 5s",
            "15:5: wait is for places that wait for keys, and this one has none; write keys: { 1: PLACE }, or take this line away",
        ),
        ("beep,", "bepp,", "14:25: what a hotline does 'bepp' is not known; write beep"),
        ("from: 2", "from: 9", "14:48: no recording 'zh/queue-position-9' is known; write zh/queue-position-1"),
        ("{ music: 2s }", "answer", "14:10: answer is for the time before the answer; write it under pickup:"),
        (
            "file: mine.wav, says: \"Press one.\"",
            "file: mine.wav",
            "6:27: a recording of your own has no says; write says: \"Welcome.\"",
        ),
    ];
    let wrong: Vec<String> =
        mistakes.iter().filter_map(|(line, instead, complaint)| check(line, instead, complaint).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    let text = GOOD.replace("say: main", "say: mian").replace("1: next", "1: nxt").replace("beep,", "bepp,");
    assert_eq!(read(&text).unwrap_err().len(), 3);
}
