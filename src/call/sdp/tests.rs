//! The SDP room against offers and answers as they come.
use super::*;
use crate::vocabulary::Srtp;

fn local() -> LocalMedia {
    LocalMedia {
        rtp: "192.0.2.1:4000".parse().unwrap(),
        codecs: vec![Codec::Pcma, Codec::Pcmu],
        key_payload_type: Some(101),
        session_id: 7,
        version: 1,
        srtp: Srtp::Off,
    }
}

/// The agreement in one line: address rtcp codec/number keys/number+mask directions.
fn shown(agreement: &Agreement) -> String {
    let address = |a: Option<SocketAddr>| a.map_or("-".into(), |a| a.to_string());
    let keys = match agreement.key_payload_type {
        None => "no keys".into(),
        Some(number) => format!("keys {number}/{:04x}", agreement.key_events),
    };
    let way = match (agreement.sends, agreement.receives) {
        (true, true) => "both",
        (true, false) => "sends",
        (false, true) => "receives",
        (false, false) => "still",
    };
    let (remote, rtcp) = (address(agreement.remote), address(agreement.remote_rtcp));
    format!("{remote} {rtcp} {}/{} {keys} {way}", agreement.codec, agreement.payload_type)
}

fn check(answer: &str, wanted: &str) {
    let got = match read_answer(&local(), answer.as_bytes()) {
        Ok(agreement) => shown(&agreement),
        Err(error) => error.to_string(),
    };
    assert_eq!(got, wanted, "\n{answer}");
}

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n";

fn with_head(rest: &str) -> String {
    format!("{HEAD}{}", rest.replace('\n', "\r\n"))
}

#[test]
fn our_offer_says_all_that_is_needed() {
    let text = String::from_utf8(offer(&local())).unwrap();
    assert_eq!(
        text.replace("\r\n", "\n"),
        "v=0\no=- 7 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 RTP/AVP 8 0 101\n\
         a=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=ptime:20\n\
         a=rtcp:4001\na=sendrecv\n"
    );
    let six = LocalMedia { rtp: "[2001:db8::1]:4000".parse().unwrap(), ..local() };
    assert!(String::from_utf8(offer(&six)).unwrap().contains("c=IN IP6 2001:db8::1\r\n"));
}

#[test]
fn answers_mean_what_they_say() {
    let keys = "a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n";
    let check_rest = |rest: &str, wanted: &str| check(&with_head(rest), wanted);
    check_rest(
        &format!("m=audio 6000 RTP/AVP 8 101\na=rtpmap:8 PCMA/8000\n{keys}"),
        "192.0.2.9:6000 192.0.2.9:6001 PCMA/8 keys 101/ffff both",
    );
    // Their first codec, whatever our liking.
    check_rest("m=audio 6000 RTP/AVP 0 8\n", "192.0.2.9:6000 192.0.2.9:6001 PCMU/0 no keys both");
    // The answer's number for keys, not ours.
    check_rest(
        "m=audio 6000 RTP/AVP 8 96\na=rtpmap:96 telephone-event/8000\na=fmtp:96 0-11\n",
        "192.0.2.9:6000 192.0.2.9:6001 PCMA/8 keys 96/0fff both",
    );
    // Keys of another clock are not ours (RFC 4733 §2.4.1: offered at the clock of the audio).
    check_rest(
        "m=audio 6000 RTP/AVP 8 97 98\na=rtpmap:97 telephone-event/48000\na=rtpmap:98 Telephone-Event/8000/1\n",
        "192.0.2.9:6000 192.0.2.9:6001 PCMA/8 keys 98/ffff both",
    );
    // A dynamic number for a static codec; codecs we never offered before it.
    check_rest(
        "m=audio 6000 RTP/AVP 18 9 107\na=rtpmap:9 G722/8000\na=rtpmap:107 pcma/8000\n",
        "192.0.2.9:6000 192.0.2.9:6001 PCMA/107 no keys both",
    );
    // A static number that was mapped to something else.
    check_rest(
        "m=audio 6000 RTP/AVP 0 8\na=rtpmap:0 G726-32/8000\n",
        "192.0.2.9:6000 192.0.2.9:6001 PCMA/8 no keys both",
    );
    // The address of the stream goes before that of the session; RTCP where it says.
    check_rest(
        "m=audio 6000 RTP/AVP 8\nc=IN IP4 198.51.100.7\na=rtcp:7003\n",
        "198.51.100.7:6000 198.51.100.7:7003 PCMA/8 no keys both",
    );
    check_rest(
        "m=audio 6000 RTP/AVP 8\na=rtcp:7003 IN IP4 198.51.100.8\n",
        "192.0.2.9:6000 198.51.100.8:7003 PCMA/8 no keys both",
    );
    check_rest("m=audio 65535 RTP/AVP 8\n", "192.0.2.9:65535 - PCMA/8 no keys both");
    // Several streams: the first audio that is not refused.
    check_rest(
        "m=video 5000 RTP/AVP 96\nm=audio 0 RTP/AVP 8\nm=audio 6002 RTP/AVP 8\n",
        "192.0.2.9:6002 192.0.2.9:6003 PCMA/8 no keys both",
    );
}

#[test]
fn hold_is_understood_in_all_its_forms() {
    let check_rest = |rest: &str, wanted: &str| check(&with_head(rest), wanted);
    check_rest("m=audio 6000 RTP/AVP 8\na=sendonly\n", "192.0.2.9:6000 192.0.2.9:6001 PCMA/8 no keys receives");
    check_rest("m=audio 6000 RTP/AVP 8\na=recvonly\n", "192.0.2.9:6000 192.0.2.9:6001 PCMA/8 no keys sends");
    check_rest("m=audio 6000 RTP/AVP 8\na=inactive\n", "192.0.2.9:6000 192.0.2.9:6001 PCMA/8 no keys still");
    check_rest("m=audio 6000 RTP/AVP 8\nc=IN IP4 0.0.0.0\n", "- - PCMA/8 no keys receives");
    check_rest("a=sendonly\nm=audio 6000 RTP/AVP 8\n", "192.0.2.9:6000 192.0.2.9:6001 PCMA/8 no keys receives");
    check_rest("a=sendonly\nm=audio 6000 RTP/AVP 8\na=sendrecv\n", "192.0.2.9:6000 192.0.2.9:6001 PCMA/8 no keys both");
    check_rest("m=audio 0 RTP/AVP 8\n", "the audio stream was refused (port 0)");
}

#[test]
fn what_cannot_be_used_is_said_and_no_panic() {
    check("", "no SDP could be read: no line of SDP in it");
    check("hello\r\nworld", "no SDP could be read: no line of SDP in it");
    check(HEAD, "no audio stream in the SDP");
    check(&with_head("m=image 6000 udptl t38\n"), "no audio stream in the SDP");
    check(&with_head("m=audio 6000 RTP/SAVP 8\n"), "the audio stream is RTP/SAVP, not RTP/AVP");
    check(
        &with_head("m=audio 6000 RTP/AVP 18 97\na=rtpmap:97 opus/48000/2\n"),
        "no codec in common; they have payload type 18, opus/48000",
    );
    check(&with_head("m=audio 6000 RTP/AVP\n"), "no codec in common; they have none");
    check(&with_head("m=audio 99999 RTP/AVP 8\n"), "the audio stream was refused (port 0)");
}

#[test]
fn descriptions_that_break_the_rules_are_read_all_the_same() {
    let good = "192.0.2.9:6000 192.0.2.9:6001 PCMA/8 no keys both";
    for answer in [
        // LF, CR, blank lines, no end of the last line.
        "v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\nm=audio 6000 RTP/AVP 8",
        "v=0\ro=- 1 1 IN IP4 192.0.2.9\rs=-\rc=IN IP4 192.0.2.9\rt=0 0\rm=audio 6000 RTP/AVP 8\r",
        "\r\n\r\nv=0\r\n\r\no=- 1 1 IN IP4 192.0.2.9\r\nc=IN IP4 192.0.2.9\r\nm=audio 6000 RTP/AVP 8\r\n\r\n",
        // No s=, no o=, no t=, no v=; o= with a host name, or a user with a space.
        "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 6000 RTP/AVP 8\r\n",
        "c=IN IP4 192.0.2.9\r\nm=audio 6000 RTP/AVP 8\r\n",
        "v=0\r\no=root 1 1 IN IP4 pbx.example\r\ns=\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8\r\n",
        "v=0\r\no=my pbx 1 1 IN IP4 h\r\ns=x\r\nc=IN IP4 192.0.2.9\r\nm=audio 6000 RTP/AVP 8\r\n",
        "v=0\r\no=- 99999999999999999999999 1 IN IP4 h\r\ns=x\r\nc=IN IP4 192.0.2.9\r\nm=audio 6000 RTP/AVP 8\r\n",
        // Order, spaces, case, bandwidths and times that mean nothing, ports counted.
        "v=0\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nb=nonsense\r\nt=now\r\nk=\r\nm=audio 6000/1 RTP/AVP 8\r\nb=AS:x\r\n",
        " v=0\r\n  c = IN  IP4  192.0.2.9\r\n M=AUDIO  6000  rtp/avp  8 \r\na=\r\na=:\r\n=\r\nnonsense\r\n",
        "v=0\r\nc=IN IP4 192.0.2.9/127\r\nm=audio 6000 RTP/AVP 8\r\n",
        "v=0\r\nc=192.0.2.9\r\nm=audio 6000 RTP/AVP 8 300 x\r\n",
    ] {
        check(answer, good);
    }
    // Not UTF-8 (a GBK session name), and NULs.
    let mut bytes = b"v=0\r\no=- 1 1 IN IP4 h\r\ns=\xb6\xa9\xb5\xa5\r\nc=IN IP4 192.0.2.9\r\n".to_vec();
    bytes.extend(b"m=audio 6000 RTP/AVP 8\r\na=x:\xff\xfe\r\n\0\0");
    assert_eq!(read_answer(&local(), &bytes).map(|a| shown(&a)), Ok(good.to_string()));
    check("v=0\r\nc=IN IP4 pbx.example\r\nm=audio 6000 RTP/AVP 8\r\n", "- - PCMA/8 no keys both");
    let six = LocalMedia { rtp: "[2001:db8::1]:4000".parse().unwrap(), ..local() };
    let theirs = b"v=0\r\nc=IN IP6 2001:db8::9\r\nm=audio 6000 RTP/AVP 8\r\n";
    let agreed = read_answer(&six, theirs).map(|a| shown(&a)).unwrap();
    assert_eq!(agreed, "[2001:db8::9]:6000 [2001:db8::9]:6001 PCMA/8 no keys both");
}

#[test]
fn offers_are_answered_in_their_own_numbers_and_order() {
    let check = |offer: &str, wanted_answer: &str, wanted: &str| {
        let (answer, agreement) = answer(&local(), with_head(offer).as_bytes()).unwrap();
        let text = String::from_utf8(answer).unwrap().replace("\r\n", "\n");
        let (_, streams) = text.split_once("t=0 0\n").unwrap();
        assert_eq!((streams, shown(&agreement).as_str()), (wanted_answer, wanted), "\n{offer}");
    };
    check(
        "m=audio 6000 RTP/AVP 0 8 96\na=rtpmap:96 telephone-event/8000\n",
        "m=audio 4000 RTP/AVP 0 96\na=rtpmap:0 PCMU/8000\na=rtpmap:96 telephone-event/8000\na=fmtp:96 0-15\n\
         a=ptime:20\na=rtcp:4001\na=sendrecv\n",
        "192.0.2.9:6000 192.0.2.9:6001 PCMU/0 keys 96/ffff both",
    );
    check(
        "m=video 5000 RTP/AVP 97\na=rtpmap:97 H264/90000\nm=audio 6000 RTP/AVP 8\na=sendonly\n",
        "m=video 0 RTP/AVP 97\nm=audio 4000 RTP/AVP 8\na=rtpmap:8 PCMA/8000\na=ptime:20\na=rtcp:4001\na=recvonly\n",
        "192.0.2.9:6000 192.0.2.9:6001 PCMA/8 no keys receives",
    );
    check(
        "m=audio 6000 RTP/AVP 8\na=inactive\n",
        "m=audio 4000 RTP/AVP 8\na=rtpmap:8 PCMA/8000\na=ptime:20\na=rtcp:4001\na=inactive\n",
        "192.0.2.9:6000 192.0.2.9:6001 PCMA/8 no keys still",
    );
    check(
        "c=IN IP4 0.0.0.0\nm=audio 6000 RTP/AVP 8\na=recvonly\n",
        "m=audio 4000 RTP/AVP 8\na=rtpmap:8 PCMA/8000\na=ptime:20\na=rtcp:4001\na=sendonly\n",
        "192.0.2.9:6000 192.0.2.9:6001 PCMA/8 no keys sends",
    );
    let no_keys = LocalMedia { key_payload_type: None, ..local() };
    let offer = with_head("m=audio 6000 RTP/AVP 8 96\na=rtpmap:96 telephone-event/8000\n");
    let (answer, agreement) = answer(&no_keys, offer.as_bytes()).unwrap();
    assert!(!String::from_utf8(answer).unwrap().contains("telephone-event"));
    assert_eq!(agreement.key_payload_type, None);
}

#[test]
fn our_own_offer_and_answer_come_to_the_same_on_both_sides() {
    let far = LocalMedia { rtp: "192.0.2.9:6000".parse().unwrap(), codecs: vec![Codec::Pcmu], ..local() };
    let (bytes, theirs) = answer(&far, &offer(&local())).unwrap();
    let ours = read_answer(&local(), &bytes).unwrap();
    assert_eq!(shown(&ours), "192.0.2.9:6000 192.0.2.9:6001 PCMU/0 keys 101/ffff both");
    assert_eq!(shown(&theirs), "192.0.2.1:4000 192.0.2.1:4001 PCMU/0 keys 101/ffff both");
}

#[test]
fn descriptions_changed_at_random_are_understood_or_refused() {
    let seeds: [Vec<u8>; 3] = [
        offer(&local()),
        with_head("m=video 5000 RTP/AVP 97\nc=IN IP6 ::1\nm=audio 6000/2 RTP/AVPF 0 8 96\na=rtpmap:96 telephone-event/8000\na=fmtp:96 0-15,66\na=rtcp:7 IN IP4 1.2.3.4\na=sendonly\n")
            .into_bytes(),
        b"v=0\no=a b 1 1 IN IP4 h\nc=IN IP4 192.0.2.9/127/3\nm=audio 6000 RTP/AVP 8\na=inactive".to_vec(),
    ];
    let mut dice = crate::vocabulary::Seed::new(2026);
    let mut read = 0;
    for round in 0..60_000u64 {
        let mut bytes = seeds[round as usize % seeds.len()].clone();
        for _ in 0..1 + dice.below(6) {
            let at = dice.below(bytes.len() as u64 + 1) as usize;
            match dice.below(5) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, dice.next_u32() as u8),
                2 => bytes.insert(at, b" \r\n=:/,-09\0"[dice.below(11) as usize]),
                3 => {
                    let piece = bytes[at..bytes.len().min(at + 20)].to_vec();
                    let to = dice.below(bytes.len() as u64 + 1) as usize;
                    bytes.splice(to..to, piece);
                }
                _ => bytes.iter_mut().skip(at).take(1).for_each(|b| *b = dice.next_u32() as u8),
            }
        }
        if let Ok(agreement) = read_answer(&local(), &bytes) {
            read += 1;
            assert!(agreement.payload_type < 128, "round {round}");
            assert!(local().codecs.contains(&agreement.codec), "round {round}");
        }
        if let Ok((answer, _)) = answer(&local(), &bytes) {
            let text = String::from_utf8(answer).unwrap();
            assert!(
                text.starts_with("v=0\r\n") && text.ends_with("\r\n") && text.contains("m=audio 4000"),
                "round {round}"
            );
        }
    }
    assert!(read > 20_000, "most are read all the same: {read}");
}

/// What border elements write beside the stream, and streams of which one is ours.
#[test]
fn of_several_streams_that_mean_the_same_the_one_that_is_ours_is_taken() {
    let check_rest = |rest: &str, wanted: &str| check(&with_head(rest), wanted);
    let ours = "192.0.2.9:6000 192.0.2.9:6001 PCMA/8 no keys both";
    // IPv6 first (ANAT, RFC 4091), and IPv4 in the clothes of IPv6.
    check_rest("m=audio 5000 RTP/AVP 8\nc=IN IP6 2001:db8::9\nm=audio 6000 RTP/AVP 8\n", ours);
    check_rest("m=audio 6000 RTP/AVP 8\nc=IN IP6 ::ffff:192.0.2.9\n", ours);
    // An address that our socket cannot send to is no address: what comes says where it came from.
    check_rest("m=audio 6000 RTP/AVP 8\nc=IN IP6 2001:db8::9\n", "- - PCMA/8 no keys both");
    // ICE, several streams, one of them refused, and a bandwidth that is none.
    check_rest(
        "b=AS:x\na=group:BUNDLE 0\na=ice-lite\nm=video 0 RTP/AVP 96\nm=audio 6000 RTP/AVP 8 13\na=mid:0\na=rtcp-mux\n\
         a=candidate:1 1 UDP 2130706431 192.0.2.9 6000 typ host\na=ice-ufrag:x\na=ptime:30\na=maxptime:40\n\
         a=silenceSupp:off - - - -\nm=image 0 udptl t38\n",
        ours,
    );
    check_rest("m=audio 6000 RTP/AVP 8\na=rtcp:9 IN IP4 0.0.0.0\n", ours);
    let required = LocalMedia { srtp: Srtp::Required, ..local() };
    let crypto = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{WITHHELD}|2^31\n");
    let both = with_head(&format!("m=audio 5000 RTP/AVP 8\nm=audio 6000 RTP/SAVP 8\n{crypto}"));
    let (answer, agreement) = answer(&required, both.as_bytes()).unwrap();
    assert_eq!(shown(&agreement), ours);
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("m=audio 0 RTP/AVP 8\r\nm=audio 4000 RTP/SAVP 8\r\n"), "{answer}");
}
