//! Signalling: messages, transactions and dialogs of RFC 3261, as pure machines.
