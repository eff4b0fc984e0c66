// SPDX-License-Identifier: Apache-2.0
//! The target of a request: "/anything/VERB/ARGUMENT?NAME=VALUE&…".

/// The verb is the last part of the path that is not an argument, so that the probe can be served
/// below any prefix: a part that starts with a digit is an argument.
pub struct Target {
    pub verb: String,
    argument: Option<String>,
    query: Vec<(String, String)>,
}

impl Target {
    pub fn parse(text: &str) -> Self {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let is_argument = |part: &&&str| part.starts_with(|c: char| c.is_ascii_digit());
        let argument = parts
            .last()
            .filter(is_argument)
            .map(|part| (*part).to_owned());
        if argument.is_some() {
            parts.pop();
        }
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Target {
            verb: parts.last().copied().unwrap_or_default().to_owned(),
            argument,
            query: pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (decoded(name), decoded(value)))
                .collect(),
        }
    }

    pub fn number(&self, otherwise: u64) -> u64 {
        self.argument
            .as_ref()
            .and_then(|text| text.parse().ok())
            .unwrap_or(otherwise)
    }

    pub fn value(&self, name: &str) -> Option<String> {
        self.values(name).next()
    }

    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        self.query
            .iter()
            .filter(move |(found, _)| found == name)
            .map(|(_, value)| value.clone())
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || rest.next().and_then(|digit| (digit as char).to_digit(16));
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => match (digit(), digit()) {
                (Some(high), Some(low)) => (high * 16 + low) as u8,
                _ => b'?',
            },
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
