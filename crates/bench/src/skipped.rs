//! Why a contestant does not take part.

use std::fmt;

/// What it needs is not on this machine. It is no failure, and it passes from the child to its
/// parent in place of a sample.
#[derive(Debug)]
pub(crate) struct Skipped(pub(crate) String);

impl Skipped {
    const MARK: &'static str = "skipped: ";

    pub(crate) fn to_text(&self) -> String {
        format!("{}{}", Self::MARK, self.0)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.strip_prefix(Self::MARK).map(|why| Self(why.trim_end().to_owned()))
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl std::error::Error for Skipped {}

#[cfg(test)]
mod tests {
    use super::Skipped;

    #[test]
    fn what_is_written_can_be_read() {
        let read = Skipped::parse(&Skipped("no python3".to_owned()).to_text());
        assert_eq!(read.unwrap().0, "no python3");
        assert!(Skipped::parse("1 2 3 1\n").is_none());
    }
}
