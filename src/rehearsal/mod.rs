//! Pretend hotlines and a pretend network, from one seed.
