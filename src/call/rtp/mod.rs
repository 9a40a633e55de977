//! Media: RTP, RTCP, codecs, jitter buffer and telephone events, as pure machines.
