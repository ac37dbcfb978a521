//! Markdown and JSON by syntect's grammars: scopes in, tokens out.

use std::sync::OnceLock;

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use super::{Reader, Run, Token};

/// Decide wherever they stand in the stack.
const OUTER: &[(&str, Token)] = &[
    ("meta.structure.dictionary.key", Token::Key),
    ("markup.heading", Token::Heading),
    ("meta.table.header", Token::Heading),
];

/// Decided by the innermost scope that is listed; within it by the first match.
const INNER: &[(&str, Token)] = &[
    ("punctuation.definition.string", Token::String),
    ("punctuation.definition.comment", Token::Comment),
    ("punctuation", Token::Punctuation),
    ("markup.list.numbered.bullet", Token::Punctuation),
    ("markup.list.unnumbered.bullet", Token::Punctuation),
    ("meta.separator", Token::Punctuation),
    ("markup.bold", Token::Strong),
    ("markup.italic", Token::Emphasis),
    ("markup.raw", Token::Code),
    ("markup.underline.link", Token::Link),
    ("markup.quote", Token::Quote),
    ("string.other.link", Token::Link),
    ("string", Token::String),
    ("constant.numeric", Token::Number),
    ("constant.language", Token::Keyword),
    ("constant.character.escape", Token::Keyword),
    ("keyword", Token::Keyword),
    ("storage", Token::Keyword),
    ("comment", Token::Comment),
    ("entity.name.tag", Token::Keyword),
];

/// The grammars that syntect brings; read from the binary once.
pub(super) fn syntaxes() -> &'static SyntaxSet {
    static SYNTAXES: OnceLock<SyntaxSet> = OnceLock::new();
    SYNTAXES.get_or_init(SyntaxSet::load_defaults_newlines)
}

struct Rules {
    outer: Vec<(Scope, Token)>,
    inner: Vec<(Scope, Token)>,
}

fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    let compile = |list: &[(&str, Token)]| {
        list.iter()
            .filter_map(|(scope, token)| Some((Scope::new(scope).ok()?, *token)))
            .collect()
    };
    RULES.get_or_init(|| Rules {
        outer: compile(OUTER),
        inner: compile(INNER),
    })
}

fn find(rules: &[(Scope, Token)], scope: Scope) -> Option<Token> {
    rules
        .iter()
        .find(|(prefix, _)| prefix.is_prefix_of(scope))
        .map(|(_, token)| *token)
}

fn token(stack: &ScopeStack) -> Option<Token> {
    let rules = rules();
    let scopes = stack.as_slice();
    scopes
        .iter()
        .find_map(|s| find(&rules.outer, *s))
        .or_else(|| scopes.iter().rev().find_map(|s| find(&rules.inner, *s)))
}

/// A grammar at work on one source.
pub(super) struct Grammar {
    syntax: &'static SyntaxReference,
    state: ParseState,
    stack: ScopeStack,
    /// Each line stands on its own, so that a broken one does not colour the rest.
    by_line: bool,
}

impl Grammar {
    pub(super) fn markdown() -> Option<Self> {
        Self::named("Markdown", false)
    }

    /// JSON, or JSON lines.
    pub(super) fn json(by_line: bool) -> Option<Self> {
        Self::named("JSON", by_line)
    }

    fn named(name: &str, by_line: bool) -> Option<Self> {
        let syntax = syntaxes().find_syntax_by_name(name)?;
        Some(Self {
            syntax,
            state: ParseState::new(syntax),
            stack: ScopeStack::new(),
            by_line,
        })
    }

    fn restart(&mut self) {
        self.state = ParseState::new(self.syntax);
        self.stack = ScopeStack::new();
    }
}

impl Reader for Grammar {
    fn read(&mut self, line: &str, start: usize, runs: &mut Vec<Run>) {
        if self.by_line {
            self.restart();
        }
        let Ok(changes) = self.state.parse_line(line, syntaxes()) else {
            return self.restart();
        };
        let text = line.trim_end_matches('\n').len();
        let mut from = 0;
        for (at, change) in &changes {
            push(runs, start, from..(*at).min(text), &self.stack);
            from = (*at).max(from);
            if self.stack.apply(change).is_err() {
                return self.restart();
            }
        }
        push(runs, start, from..text, &self.stack);
    }
}

/// Appends a run, or lengthens the last one when it goes on with the same token.
fn push(runs: &mut Vec<Run>, start: usize, span: std::ops::Range<usize>, stack: &ScopeStack) {
    if span.is_empty() {
        return;
    }
    let Some(token) = token(stack) else { return };
    let span = start + span.start..start + span.end;
    match runs.last_mut() {
        Some(last) if last.token == token && last.span.end == span.start => last.span.end = span.end,
        _ => runs.push(Run { span, token }),
    }
}
