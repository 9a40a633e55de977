//! Who calls, as the far side is to see it: on a trunk for all calls by it, on a probe for its own.

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Persona {
    /// User part of From: a number of our own.
    pub caller_id: Option<String>,
    /// Display name of From.
    pub caller_name: Option<String>,
    /// P-Asserted-Identity (RFC 3325), where the trunk believes us.
    pub asserted_identity: Option<String>,
    /// The caller is not to be shown: an anonymous From and `Privacy: id` (RFC 3323, RFC 3325).
    pub anonymous: Option<bool>,
}

impl Persona {
    /// What this one does not say is as `other` says.
    pub fn or(&self, other: &Persona) -> Persona {
        Persona {
            caller_id: self.caller_id.clone().or_else(|| other.caller_id.clone()),
            caller_name: self.caller_name.clone().or_else(|| other.caller_name.clone()),
            asserted_identity: self.asserted_identity.clone().or_else(|| other.asserted_identity.clone()),
            anonymous: self.anonymous.or(other.anonymous),
        }
    }
}
