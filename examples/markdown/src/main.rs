// SPDX-License-Identifier: Apache-2.0
//
// Answers a Markdown request body as HTML. Whoever wrote the Markdown, the HTML is safe to show:
// HTML in the input appears as text, and links lead to the web, to mail or to nowhere.

use pulldown_cmark::{html, CowStr, Event, Options, Parser, Tag, TagEnd};
use std::io::{self, Read, Write};

/// What a GET without a body shows, so that there is something to see in a browser.
const SAMPLE: &str = "\
# Markdown to HTML

POST **Markdown**, get *HTML*:

```sh
curl --data-binary '# Hello' http://127.0.0.1:8080/markdown
```
";

fn main() -> io::Result<()> {
    let mut body = Vec::new();
    io::stdin().lock().read_to_end(&mut body)?;
    // A stray byte in an otherwise readable text becomes U+FFFD, as in a browser.
    let text = String::from_utf8_lossy(&body);
    let is_post = std::env::var("REQUEST_METHOD").is_ok_and(|method| method == "POST");
    let markdown = if text.is_empty() && !is_post {
        SAMPLE
    } else {
        &text
    };
    io::stdout()
        .lock()
        .write_all(to_safe_html(markdown).as_bytes())
}

fn to_safe_html(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES;
    let mut output = String::with_capacity(markdown.len() * 3 / 2);
    html::push_html(
        &mut output,
        Parser::new_ext(markdown, options).map(make_safe),
    );
    output
}

fn make_safe(event: Event<'_>) -> Event<'_> {
    match event {
        // The renderer escapes text. A block of HTML becomes a paragraph of it.
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Link {
            link_type,
            dest_url: safe_url(dest_url),
            title,
            id,
        }),
        Event::Start(Tag::Image {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Image {
            link_type,
            dest_url: safe_url(dest_url),
            title,
            id,
        }),
        other => other,
    }
}

/// Replaces URLs such as `javascript:…` and `data:…` by an empty one. What a browser takes for a
/// scheme decides, and it ignores control characters: `java\nscript:` is one, too.
fn safe_url(url: CowStr<'_>) -> CowStr<'_> {
    let scheme_end = url
        .find([':', '/', '?', '#'])
        .filter(|&at| url.as_bytes()[at] == b':');
    let Some(scheme_end) = scheme_end else {
        return url; // A relative URL.
    };
    let scheme: String = url[..scheme_end]
        .chars()
        .filter(|c| !c.is_ascii_control() && !c.is_whitespace())
        .map(|c| c.to_ascii_lowercase())
        .collect();
    match scheme.as_str() {
        "http" | "https" | "mailto" => url,
        _ => CowStr::Borrowed(""),
    }
}

#[cfg(test)]
mod tests {
    use super::to_safe_html;

    #[test]
    fn renders_markdown() {
        assert_eq!(to_safe_html("# Hi *you*"), "<h1>Hi <em>you</em></h1>\n");
        assert_eq!(
            to_safe_html("[a](https://example.org/?a=1&b=2)"),
            "<p><a href=\"https://example.org/?a=1&amp;b=2\">a</a></p>\n"
        );
    }

    #[test]
    fn shows_html_as_text() {
        for hostile in [
            "<script>alert(1)</script>",
            "a <b onclick=x>b</b>",
            "<!-- c -->",
            "<a\n",
        ] {
            let html = to_safe_html(hostile);
            assert!(!html.contains("<script") && !html.contains("<b") && !html.contains("<!"));
            assert!(html.contains("&lt;"), "{html}");
        }
    }

    #[test]
    fn disarms_urls() {
        for hostile in [
            "[a](javascript:alert)",
            "[a](JaVaScript:alert)",
            "[a](<java\tscript:alert>)",
            "[a](&#1;javascript:alert)",
            "[a](javascript&colon;alert)",
            "![a](data:text/html,x)",
            "<javascript:alert>",
            "[a]\n\n[a]: vbscript:x",
        ] {
            let html = to_safe_html(hostile);
            assert!(
                html.contains("href=\"\"") || html.contains("src=\"\""),
                "{html}"
            );
        }
        for harmless in ["/a:b", "a/b:c", "?a:b", "#a:b", "a", "mailto:a@example.org"] {
            assert!(to_safe_html(&format!("[x]({harmless})")).contains(harmless));
        }
    }
}
