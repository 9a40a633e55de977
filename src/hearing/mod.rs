//! Sound to things heard: tones, speech, silence, music, clips, and the words of a clip.
