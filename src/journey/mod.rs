//! One caller on one hotline: line, ears and script.
