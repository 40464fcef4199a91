//! Just enough of Rust's lexical grammar to tell code from comments and literals.
//!
//! [`mask`] keeps every byte position and every line, so that what is found in the masked text has
//! the same place in the file.

/// `text` with comments and the contents of string and character literals replaced by blanks.
pub(super) fn mask(text: &str) -> String {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, out: String::new() };
    while lexer.at < lexer.chars.len() {
        lexer.step();
    }
    lexer.out
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    out: String,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn keep(&mut self) {
        if let Some(c) = self.peek(0) {
            self.out.push(c);
            self.at += 1;
        }
    }

    fn blank(&mut self) {
        if let Some(c) = self.peek(0) {
            if c == '\n' {
                self.out.push(c);
            } else {
                self.out.extend(std::iter::repeat_n(' ', c.len_utf8()));
            }
            self.at += 1;
        }
    }

    fn step(&mut self) {
        match (self.peek(0), self.peek(1)) {
            (Some('/'), Some('/')) => {
                while self.peek(0).is_some_and(|c| c != '\n') {
                    self.blank();
                }
            }
            (Some('/'), Some('*')) => self.block_comment(),
            (Some('"'), _) => self.string(),
            (Some('r'), Some('"' | '#')) if !self.inside_word() => self.raw_string(),
            (Some('\''), _) => self.quote(),
            _ => self.keep(),
        }
    }

    /// Whether the character before is part of the same word; `br` and `cr` are prefixes, not words.
    fn inside_word(&self) -> bool {
        let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
        let mut before = self.chars[..self.at].iter().rev();
        match before.next() {
            Some('b' | 'c') => before.next().is_some_and(is_word),
            Some(c) => is_word(c),
            None => false,
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            match (self.peek(0), self.peek(1)) {
                (None, _) => return,
                (Some('/'), Some('*')) => {
                    depth += 1;
                    self.blank();
                }
                (Some('*'), Some('/')) => {
                    depth -= 1;
                    self.blank();
                }
                _ => {}
            }
            self.blank();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.keep();
        while let Some(c) = self.peek(0) {
            match c {
                '"' => return self.keep(),
                '\\' => {
                    self.blank();
                    self.blank();
                }
                _ => self.blank(),
            }
        }
    }

    fn raw_string(&mut self) {
        let hashes = self.chars[self.at + 1..].iter().take_while(|c| **c == '#').count();
        self.keep();
        if self.peek(hashes) != Some('"') {
            // `r#name`
            return;
        }
        for _ in 0..=hashes {
            self.keep();
        }
        while let Some(c) = self.peek(0) {
            let closing = (1..=hashes).all(|ahead| self.peek(ahead) == Some('#'));
            if c == '"' && closing {
                for _ in 0..=hashes {
                    self.keep();
                }
                return;
            }
            self.blank();
        }
    }

    /// A character literal, or the start of a lifetime.
    fn quote(&mut self) {
        self.keep();
        match (self.peek(0), self.peek(1)) {
            (Some('\\'), _) => {
                self.blank();
                self.blank();
                while self.peek(0).is_some_and(|c| c != '\'' && c != '\n') {
                    self.blank();
                }
                self.keep();
            }
            (Some(_), Some('\'')) => {
                self.blank();
                self.keep();
            }
            _ => {}
        }
    }
}

/// For each line of masked code, whether it belongs to an item that only tests compile.
pub(super) fn test_lines(code: &str) -> Vec<bool> {
    let mut lines = vec![false; code.lines().count()];
    let line_of = |offset: usize| code.as_bytes()[..offset].iter().filter(|b| **b == b'\n').count();
    for (start, _) in code.match_indices("#[cfg(").chain(code.match_indices("#[test]")) {
        let Some(length) = code[start..].find(']') else { continue };
        if !requires_test(&code[start..start + length]) {
            continue;
        }
        let end = item_end(code, start + length + 1);
        let last = line_of(end.min(code.len())).min(lines.len().saturating_sub(1));
        for line in lines.iter_mut().take(last + 1).skip(line_of(start)) {
            *line = true;
        }
    }
    lines
}

/// Whether an attribute names `test`, other than to exclude it.
fn requires_test(attribute: &str) -> bool {
    let attribute = attribute.replace("not(test", "").replace("any(test", "");
    let mut words = attribute.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| word == "test")
}

/// Where the item that begins behind its attribute at `from` ends: at a semicolon or a closing
/// brace, whichever closes it.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && byte == b'}' {
                    return offset;
                }
            }
            b';' if depth == 0 => return offset,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::{mask, test_lines};

    #[test]
    fn comments_and_literals_are_blank_and_nothing_moves() {
        for (text, masked) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("x\"y", 'z', '\'')"#, r#"f("    ", ' ', '  ')"#),
            (r##"r#"a"b"# br"c" r#fn"##, r##"r#"   "# br" " r#fn"##),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("'é' \"é\"", "'  ' \"  \""),
        ] {
            assert_eq!(mask(text), masked);
        }
    }

    #[test]
    fn what_is_open_at_the_end_does_not_hang() {
        for text in ["\"a", "/* a", "r#\"a", "'\\", "'"] {
            assert_eq!(mask(text).len(), text.len());
        }
    }

    #[test]
    fn an_item_for_tests_ends_where_its_braces_do() {
        let code = "\
#[cfg(test)]
mod tests {
    fn a() {}
}
fn b() {}
#[cfg(all(test, not(loom)))]
use x::{y, z};
#[cfg(not(test))]
fn c() {}
#[test]
#[should_panic]
fn d() {
}
#[cfg(any(test, feature))]
fn e() {}
";
        let lines = test_lines(code);
        let numbers: Vec<_> = (1..).zip(lines).filter(|(_, test)| *test).map(|(n, _)| n).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 6, 7, 10, 11, 12, 13]);
    }
}
