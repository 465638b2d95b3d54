//! The nouns of the field, pure: no async, no input or output, no clock.
