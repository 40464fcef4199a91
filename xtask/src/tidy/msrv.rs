//! Syntax that is newer than our oldest compiler.
//!
//! The compiler that runs the checks knows let-chains and so says nothing, whatever `rust-version`
//! demands; clippy looks at library calls only. So this looks for `if let … && …` itself.

use super::Finding;
use super::tree::Tree;

pub(super) fn let_chains(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        let code = file.masked();
        let keywords = ["if ", "while "];
        let starts = keywords.iter().flat_map(|keyword| code.match_indices(keyword));
        for (start, keyword) in starts {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let inside_word = code[..start].chars().next_back().is_some_and(is_word);
            if !inside_word && is_chain(&code[start + keyword.len()..]) {
                let what = "a let-chain, which the oldest compiler we support refuses: nest the \
                            conditions, or match on a tuple";
                findings.push(Finding::new(&file.path, file.line_of(start), what));
            }
        }
    }
    findings
}

/// Whether a condition, from behind its keyword, has both a `let` and an `&&` beside each other,
/// outside of parentheses, before its block.
fn is_chain(condition: &str) -> bool {
    let mut depth = 0_usize;
    let mut in_pattern = false;
    let (mut lets, mut ands) = (false, false);
    let bytes = condition.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let next = bytes.get(at + 1).copied().unwrap_or(b' ');
        match byte {
            b'(' | b'[' => depth += 1,
            // The pattern may have braces; a condition without `let` cannot.
            b'{' if in_pattern => depth += 1,
            b'{' | b';' if depth == 0 => break,
            b'{' => depth += 1,
            b')' | b']' | b'}' if depth == 0 => break,
            b')' | b']' | b'}' => depth -= 1,
            b'l' if depth == 0 && is_let(condition, at) => (lets, in_pattern) = (true, true),
            b'=' if depth == 0 && next == b'>' => break,
            b'=' if depth == 0 => in_pattern = false,
            b'&' if depth == 0 && next == b'&' && !in_pattern => ands = true,
            _ => {}
        }
    }
    lets && ands
}

fn is_let(condition: &str, at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| condition.as_bytes().get(before));
    let starts = before.is_none_or(u8::is_ascii_whitespace);
    starts && condition.get(at..).is_some_and(|rest| rest.starts_with("let "))
}

#[cfg(test)]
mod tests {
    use super::let_chains;
    use crate::tidy::assert_rule;

    #[test]
    fn a_chain_is_found() {
        for bad in [
            "if let Some(a) = b && c {",
            "if a && let Some(b) = c {",
            "while let Some(S { a, .. }) = b()\n    && a > 1\n{",
            "} else if let Ok(a) = b(|c| c && d) && e {",
            "if let S { a } = b && a {",
        ] {
            assert_rule(let_chains, &[("a.rs", &format!("{bad}\n"))], Some("a.rs:1: a let-chain"));
        }
    }

    #[test]
    fn what_is_no_chain_is_left_alone() {
        for good in [
            "if let Some(a) = (b && c) {",
            "if a && b { let c = d; }",
            "if let Some(a) = b { c && d }",
            "if let Some(&&a) = b {}",
            "Some(a) if a => b && c, d => { let e = f; }",
            "while let Some(a) = b.find(|c| c.d && c.e) {",
            "notif let",
        ] {
            assert_rule(let_chains, &[("a.rs", &format!("{good}\n"))], None);
        }
    }
}
