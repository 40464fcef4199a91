//! What an example is expected to print, and how to run it: the file beside the program.

use std::time::Duration;

#[derive(Debug)]
pub(super) struct Expectation {
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) input: String,
    pub(super) limit: Duration,
    lines: Vec<Line>,
}

/// One expected line of output.
#[derive(Debug)]
pub(super) struct Line {
    /// In the expectation file.
    pub(super) number: usize,
    pub(super) text: String,
    any_part: bool,
}

/// Why an expectation file cannot be used.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) line: usize,
    pub(super) what: String,
}

impl Expectation {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let mut new = Self {
            arguments: Vec::new(),
            environment: Vec::new(),
            input: String::new(),
            limit: Duration::from_secs(20),
            lines: Vec::new(),
        };
        for (number, line) in (1..).zip(text.lines().map(str::trim_end)) {
            if let Some(comment) = line.strip_prefix('#') {
                new.directive(comment).map_err(|what| Problem { line: number, what })?;
            } else if let Some(part) = line.strip_prefix("~ ") {
                new.lines.push(Line { number, text: part.to_owned(), any_part: true });
            } else if !line.is_empty() {
                new.lines.push(Line { number, text: line.to_owned(), any_part: false });
            }
        }
        if new.lines.is_empty() {
            return Err(Problem { line: 1, what: "it expects nothing".to_owned() });
        }
        Ok(new)
    }

    fn directive(&mut self, comment: &str) -> Result<(), String> {
        let Some((key, value)) = comment.split_once(':') else { return Ok(()) };
        let value = value.trim();
        match key.trim() {
            "args" => self.arguments.extend(value.split_whitespace().map(str::to_owned)),
            "stdin" => {
                self.input = value.replace("\\n", "\n");
                self.input.push('\n');
            }
            "env" => {
                let (key, value) = value.split_once('=').ok_or("write `# env: KEY=VALUE`")?;
                self.environment.push((key.to_owned(), value.to_owned()));
            }
            "seconds" => {
                let seconds = value.parse().map_err(|_| "write `# seconds: 20`")?;
                self.limit = Duration::from_secs(seconds);
            }
            _ => return Ok(()),
        }
        if self.lines.is_empty() {
            return Ok(());
        }
        Err(format!("`# {key}:` must stand before the first expected line"))
    }

    /// The first expected line that does not come behind those before it.
    pub(super) fn missing_from(&self, output: &str) -> Option<&Line> {
        let mut printed = output.lines();
        self.lines.iter().find(|expected| !printed.any(|line| expected.is_met_by(line)))
    }
}

impl Line {
    fn is_met_by(&self, line: &str) -> bool {
        if self.any_part { line.contains(&self.text) } else { line.trim_end() == self.text }
    }
}

#[cfg(test)]
mod tests {
    use super::Expectation;

    #[test]
    fn lines_must_come_in_order_with_others_between() {
        let expectation = Expectation::parse("# a comment\none\n\n~ wo\n").unwrap();
        assert!(expectation.missing_from("zero\none\nx\nthe two of us\n").is_none());
        let missing = |output| expectation.missing_from(output).map(|line| line.number);
        assert_eq!(missing("two\none\n"), Some(4));
        assert_eq!(missing("one more\ntwo\n"), Some(2));
        assert_eq!(missing(""), Some(2));
    }

    #[test]
    fn says_how_to_run_the_program() {
        let text =
            "# args: --db x\n# stdin: a\\nb\n# env: K=V=W\n# seconds: 3\n# see also: y\nok\n";
        let expectation = Expectation::parse(text).unwrap();
        assert_eq!(expectation.arguments, ["--db", "x"]);
        assert_eq!(expectation.input, "a\nb\n");
        assert_eq!(expectation.environment, [("K".to_owned(), "V=W".to_owned())]);
        assert_eq!(expectation.limit.as_secs(), 3);
    }

    #[test]
    fn a_file_that_means_nothing_is_refused() {
        for (text, line) in [
            ("# only a comment\n", 1),
            ("# seconds: soon\na\n", 1),
            ("# env: K\na\n", 1),
            ("a\n# args: --late\n", 2),
        ] {
            assert_eq!(Expectation::parse(text).unwrap_err().line, line, "{text}");
        }
    }
}
