//! YAML to trusted values, or every problem at once.
