//! Words to meaning: menu options, kinds of prompt, staleness, dead ends, the verdict.
