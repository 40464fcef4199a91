//! Why a check failed, how to see it again, and what would repair it.

use std::fmt;
use std::io;

/// The end of a check that did not pass.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    repeat: Option<String>,
    fix: Option<String>,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), repeat: None, fix: None }
    }

    /// What went wrong with `path`, said by the operating system.
    pub(crate) fn io(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::new(format!("{what}: {error}"))
    }

    /// The command that shows the failure again; the first one given stays.
    pub(crate) fn repeat(mut self, command: impl Into<String>) -> Self {
        self.repeat.get_or_insert(command.into());
        self
    }

    /// The command that shows the failure again, where the one that failed would not do so.
    pub(crate) fn repeat_instead(mut self, command: impl Into<String>) -> Self {
        self.repeat = Some(command.into());
        self
    }

    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix.get_or_insert(fix.into());
        self
    }

    #[cfg(test)]
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed: {}", self.message)?;
        if let Some(repeat) = &self.repeat {
            write!(f, "\nrepeat: {repeat}")?;
        }
        if let Some(fix) = &self.fix {
            write!(f, "\nrepair: {fix}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[test]
    fn says_how_to_repeat_and_repair() {
        let failure = Failure::new("no").repeat("cargo a").repeat("cargo b").fix("cargo c");
        assert_eq!(failure.to_string(), "failed: no\nrepeat: cargo a\nrepair: cargo c");
    }
}
