//! A file of the tree, with its code told apart from its comments and strings.
//!
//! Not a parser: it knows literals, comments, identifiers, paths and matching braces, which is all
//! that the rules need. The invariant it guards: `code` has the same lines as `text`.

/// A file and what can be asked about it.
pub(crate) struct Source {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments and literals blanked; empty unless it is Rust.
    pub(crate) code: String,
}

/// A function's place, in lines counted from 0.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) first: usize,
    pub(crate) last: usize,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = if is(path, "rs") { blank(text) } else { String::new() };
        Self { path: path.to_owned(), text: text.to_owned(), code }
    }

    pub(crate) fn is(&self, extension: &str) -> bool {
        is(&self.path, extension)
    }

    /// Numbered lines of code, without comments and literals.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate()
    }

    /// How many lines come before the tests at the foot of the file.
    pub(crate) fn lines_without_tests(&self) -> usize {
        let file = self.path.rsplit('/').next().unwrap_or_default();
        if file == "tests.rs" || self.path.split('/').any(|part| part == "tests") {
            return 0;
        }
        let mut lines = self.code.lines().map(str::trim).peekable();
        let mut count = 0;
        while let Some(line) = lines.next() {
            let next_is_module = lines.peek().is_some_and(|next| next.starts_with("mod "));
            if line == "#[cfg(test)]" && next_is_module {
                break;
            }
            count += 1;
        }
        count
    }

    /// Every path and single identifier in the code, with its line; the braces of `use` are
    /// expanded, so that `use std::{fs, time}` gives `std::fs` and `std::time`.
    pub(crate) fn paths(&self) -> Vec<(usize, String)> {
        let chars: Vec<char> = self.code.chars().collect();
        let mut scan = Scan { chars: &chars, at: 0, line: 0, found: Vec::new() };
        while scan.at < chars.len() {
            if scan.at_identifier() {
                scan.path(String::new());
            } else {
                scan.step();
            }
        }
        scan.found
    }

    /// The functions with a body.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let words = self.paths();
        let lines: Vec<&str> = self.code.lines().collect();
        let mut functions = Vec::new();
        for pair in words.windows(2) {
            let [(first, keyword), (_, name)] = pair else { unreachable!("windows of two") };
            if keyword != "fn" {
                continue;
            }
            // A type such as `fn(u8)` has no name right behind the keyword.
            if let Some(column) = lines[*first].find(&format!("fn {name}"))
                && let Some(last) = end_of_body(&lines, *first, column)
            {
                functions.push(Function { name: name.clone(), first: *first, last });
            }
        }
        functions
    }
}

fn is(path: &str, extension: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, found)| found == extension)
}

/// The line on which the body that follows `(line, column)` ends; none if there is no body.
fn end_of_body(lines: &[&str], line: usize, column: usize) -> Option<usize> {
    let (mut braces, mut brackets) = (0, 0);
    for (number, text) in lines.iter().enumerate().skip(line) {
        let start = if number == line { column } else { 0 };
        for c in text[start..].chars() {
            match c {
                '(' | '[' => brackets += 1,
                ')' | ']' => brackets -= 1,
                '{' => braces += 1,
                '}' if braces == 1 => return Some(number),
                '}' => braces -= 1,
                ';' if braces == 0 && brackets == 0 => return None,
                _ => {}
            }
        }
    }
    None
}

struct Scan<'a> {
    chars: &'a [char],
    at: usize,
    line: usize,
    found: Vec<(usize, String)>,
}

impl Scan<'_> {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn step(&mut self) {
        self.line += usize::from(self.peek(0) == '\n');
        self.at += 1;
    }

    fn skip_space(&mut self) {
        while self.peek(0).is_whitespace() {
            self.step();
        }
    }

    fn at_identifier(&self) -> bool {
        self.peek(0).is_alphanumeric() || self.peek(0) == '_'
    }

    fn identifier(&mut self) -> String {
        let start = self.at;
        while self.at_identifier() {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    /// Reads the path that starts here, below `prefix`.
    fn path(&mut self, prefix: String) {
        let line = self.line;
        let mut path = join(prefix, &self.identifier());
        while self.peek(0) == ':' && self.peek(1) == ':' {
            self.at += 2;
            self.skip_space();
            if self.at_identifier() {
                let next = self.identifier();
                path = join(path, &next);
            } else if self.peek(0) == '{' {
                return self.group(&path);
            }
        }
        self.found.push((line, path));
    }

    /// Reads the braces of a `use` below `prefix`, up to the closing one.
    fn group(&mut self, prefix: &str) {
        self.step();
        while !matches!(self.peek(0), '}' | '\0') {
            if self.at_identifier() {
                self.path(prefix.to_owned());
            } else {
                self.step();
            }
        }
        self.step();
    }
}

fn join(prefix: String, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { prefix + "::" + name }
}

/// The text with comments and literals replaced by spaces, line by line as before.
fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let inside_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
        let end = literal_end(&chars, at, inside_word).min(chars.len());
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            code.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// Where the comment or literal that starts at `at` ends; `at` itself if none starts there.
fn literal_end(chars: &[char], at: usize, inside_word: bool) -> usize {
    let peek = |ahead: usize| chars.get(at + ahead).copied().unwrap_or('\0');
    match (peek(0), peek(1)) {
        ('/', '/') => at + chars[at..].iter().take_while(|c| **c != '\n').count(),
        ('/', '*') => block_comment_end(chars, at),
        ('"', _) => quoted_end(chars, at, '"'),
        ('\'', '\\') => quoted_end(chars, at, '\''),
        ('\'', _) if peek(2) == '\'' => at + 3,
        ('r', '"' | '#') if !inside_word || matches!(chars[at - 1], 'b' | 'c') => {
            raw_string_end(chars, at)
        }
        _ => at,
    }
}

fn quoted_end(chars: &[char], start: usize, quote: char) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn raw_string_end(chars: &[char], start: usize) -> usize {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return start; // A raw identifier such as `r#type`.
    }
    let closes = |at: usize| {
        chars[at] == '"'
            && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    (open + 1..chars.len()).find(|at| closes(*at)).map_or(chars.len(), |at| at + 1 + hashes)
}

fn block_comment_end(chars: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0, start);
    while at < chars.len() {
        let step = match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => 1,
            ('*', Some('/')) => -1,
            _ => 0,
        };
        depth += step;
        at += if step == 0 { 1 } else { 2 };
        if depth == 0 {
            break;
        }
    }
    at
}

#[test]
fn code_is_told_from_comments_and_literals() {
    let table = [
        ("a // b", "a     "),
        ("a /* b /* c */ d */ e", "a                   e"),
        (r#"a "b\"c" d"#, "a        d"),
        (r##"a r#"b"c"# d"##, "a          d"),
        ("let r#type = 'x'; 'a: loop", "let r#type =    ; 'a: loop"),
        (r"'\'' x '\u{1}'", "     x        "),
        ("a\n\"b\nc\"\nd", "a\n  \n  \nd"),
    ];
    for (text, code) in table {
        assert_eq!(blank(text), code);
    }
}

#[test]
fn paths_are_expanded() {
    let source = Source::new("x.rs", "use a::{b, c::{d, e as f}};\nx.y(::g::h::<i>());");
    let paths: Vec<String> = source.paths().into_iter().map(|(_, path)| path).collect();
    let expected =
        ["use", "a::b", "a::c::d", "a::c::e", "a::c::as", "a::c::f", "x", "y", "g::h", "i"];
    assert_eq!(paths, expected);
}

#[test]
fn functions_are_measured_and_tests_left_out() {
    let text = "trait T {\n  fn a(&self, x: [u8; 2]);\n  fn b() {\n    if x {}\n  }\n}\n\
                type F = fn(u8);\n#[cfg(test)]\nmod tests {\n}\n";
    let source = Source::new("x.rs", text);
    let found: Vec<_> =
        source.functions().iter().map(|f| (f.name.clone(), f.first, f.last)).collect();
    assert_eq!(found, [("b".to_owned(), 2, 4)]);
    assert_eq!(source.lines_without_tests(), 7);
    assert_eq!(Source::new("src/a/tests.rs", text).lines_without_tests(), 0);
}
