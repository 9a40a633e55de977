//! The only room with doors to the world.
