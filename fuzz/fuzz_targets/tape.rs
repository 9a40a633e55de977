//! A tape of any bytes (cut, torn, forged) is read as far as it is whole, and no further.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nightbell::record::tape;

fuzz_target!(|bytes: &[u8]| {
    let Ok(tape) = tape::read(bytes) else { return };
    for entry in &tape.entries {
        let _ = (entry.line(), entry.input().is_some(), entry.output().is_some());
    }
});
