//! Draws the paths of mail as a picture.

use super::Way;
use crate::visible::visible_text;

const MARGIN: usize = 24;
const BOX_HEIGHT: usize = 56;
const GAP: usize = 40;
const ROW: usize = BOX_HEIGHT + 64;
/// The maximum width of a character, in small and in large text.
const LETTER: usize = 8;

/// Draws the paths below each other.
pub fn svg(title: &str, ways: &[Way]) -> String {
    let width_of = |way: &Way| -> usize {
        way.stops.iter().map(|stop| box_width(&stop.name, &stop.about) + GAP).sum()
    };
    let width = ways.iter().map(width_of).max().unwrap_or(0) + 2 * MARGIN;
    let height = ways.len() * ROW + 2 * MARGIN + 32;
    let mut body = String::new();
    for (index, way) in ways.iter().enumerate() {
        let top = MARGIN + 56 + index * ROW;
        body += &text(MARGIN, top - 10, "heading", &way.title);
        let mut left = MARGIN;
        for (number, stop) in way.stops.iter().enumerate() {
            if number > 0 {
                let middle = top + BOX_HEIGHT / 2;
                body += &format!(
                    "<line x1=\"{}\" y1=\"{middle}\" x2=\"{}\" y2=\"{middle}\" \
                     marker-end=\"url(#arrow)\"/>\n",
                    left - GAP,
                    left - 6
                );
            }
            let width = box_width(&stop.name, &stop.about);
            body += &format!(
                "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{BOX_HEIGHT}\" \
                 rx=\"6\"/>\n"
            );
            body += &text(left + 12, top + 24, "name", &stop.name);
            body += &text(left + 12, top + 43, "about", &stop.about);
            left += width + GAP;
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\">\n<title>{title}</title>\n{STYLE}\
         <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n{heading}{body}</svg>\n",
        title = escaped(title),
        heading = text(MARGIN, MARGIN + 8, "title", title),
    )
}

const STYLE: &str = "\
<style>
  text { font-family: system-ui, sans-serif; fill: #1d2733; }
  .title { font-size: 20px; font-weight: 700; }
  .heading { font-size: 14px; font-weight: 600; }
  .name { font-size: 14px; }
  .about { font-size: 12px; fill: #5a6775; }
  rect { fill: #f2f6fa; stroke: #7d93a8; }
  .paper { fill: #ffffff; stroke: none; }
  line { stroke: #7d93a8; stroke-width: 1.5; }
  marker path { fill: #7d93a8; }
</style>
<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" \
markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\"/></marker></defs>
";

/// Reads a picture that another machine drew, and checks that it contains
/// nothing that a browser would run or fetch.
///
/// # Errors
///
/// Returns why the text is not such a picture.
pub(crate) fn only_a_picture(text: &str) -> Result<String, String> {
    const ELEMENTS: [&str; 10] =
        ["svg", "title", "style", "rect", "text", "line", "defs", "marker", "path", "/"];
    let (head, rest) = text.split_once(STYLE).ok_or("is no picture of ours")?;
    let is_ours = |part: &str| {
        part.split('<').skip(1).all(|element| {
            let name = element.split([' ', '>', '/']).next().unwrap_or_default();
            let name = if element.starts_with('/') { "/" } else { name };
            let attributes = element.split('>').next().unwrap_or_default();
            let is_drawn = |word: &str| !word.starts_with("on") && !word.contains("href");
            ELEMENTS.contains(&name)
                && name != "style"
                && attributes.split_whitespace().all(is_drawn)
        })
    };
    match text.starts_with("<svg ") && is_ours(head) && is_ours(rest) {
        true => Ok(visible_text(text)),
        false => Err("is no picture of ours".into()),
    }
}

fn box_width(name: &str, about: &str) -> usize {
    (name.chars().count() * LETTER).max(about.chars().count() * (LETTER - 1)) + 24
}

fn text(x: usize, y: usize, class: &str, text: &str) -> String {
    format!("<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{}</text>\n", escaped(text))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
