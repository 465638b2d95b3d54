//! The shape of a value: what a person needs to find a wrong value, and nothing of the value itself.

use std::fmt;

/// Which kinds of characters a value has, and how many in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    chars: usize,
    digits: bool,
    letters: bool,
    signs: bool,
    wide: bool,
    unprintable: bool,
}

impl Shape {
    /// The shape of `text`.
    pub fn of(text: &str) -> Self {
        let mut shape = Self::default();
        for c in text.chars() {
            shape.chars += 1;
            match c {
                '0'..='9' => shape.digits = true,
                'A'..='Z' | 'a'..='z' => shape.letters = true,
                ' '..='~' => shape.signs = true,
                c if c.is_control() => shape.unprintable = true,
                _ => shape.wide = true,
            }
        }
        shape
    }
}

/// In Japanese, for a person: `数字・かな漢字等 12文字`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.chars == 0 {
            return f.write_str("空");
        }
        let kinds = [
            (self.digits, "数字"),
            (self.letters, "英字"),
            (self.signs, "記号・空白"),
            (self.wide, "かな漢字等"),
            (self.unprintable, "制御文字"),
        ];
        let present = kinds.iter().filter(|(present, _)| *present);
        let names: Vec<_> = present.map(|(_, name)| *name).collect();
        write!(f, "{} {}文字", names.join("・"), self.chars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_says_kinds_and_length_and_nothing_of_the_value() {
        assert_eq!(Shape::of("").to_string(), "空");
        assert_eq!(Shape::of("2026").to_string(), "数字 4文字");
        assert_eq!(
            Shape::of("港区1-2 A\t").to_string(),
            "数字・英字・記号・空白・かな漢字等・制御文字 8文字"
        );
    }
}
