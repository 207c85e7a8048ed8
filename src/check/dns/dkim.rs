//! Compares the published keys of DKIM with those of the server.

use super::{DKIM, DKIM_NEXT, ExpectedRecords, publish, tag, unanswered};
use crate::finding::Finding;
use crate::probe::{Found, Resolver};
use crate::services::Record;

/// The usual names of keys that other programs sign with.
const SELECTORS: [&str; 3] = ["default", "mail", "dkim"];

/// Judges the record of a key that signs.
pub(super) fn of_key(expected: &Record, found: &Found<String>) -> Finding {
    let finding = Finding::about(&DKIM, &expected.name);
    match found.as_deref() {
        Ok([]) => finding.wrong(
            "there is none: mail is signed, but the signature cannot be verified",
            publish(expected),
        ),
        Ok([text]) if *text == expected.value => finding.seen("it is the key of this server"),
        _ => not_this(finding, expected, found),
    }
}

/// Judges the record of a key that waits to sign.
pub(super) fn of_next(expected: &Record, found: &Found<String>) -> Finding {
    let then = "Then go on: mailprov dkim rotate";
    let finding = Finding::about(&DKIM_NEXT, &expected.name);
    match found.as_deref() {
        Ok([]) => {
            let remedy = format!("{}\n{then}", publish(expected));
            finding.warning("it is not published yet", remedy)
        }
        Ok([text]) if *text == expected.value => {
            finding.warning("it is published, and does not sign yet", "Go on: mailprov dkim rotate")
        }
        _ => not_this(finding, expected, found),
    }
}

/// Judges what is published in place of a key.
fn not_this(finding: Finding, expected: &Record, found: &Found<String>) -> Finding {
    let remedy = publish(expected);
    match found.as_deref() {
        Err(why) => unanswered(finding, why),
        Ok([text]) => {
            let seen = difference(text, &expected.value);
            match same_tags(text, &expected.value) {
                true => finding.warning(format!("{seen}; it means the same"), remedy),
                false => finding.wrong(seen, remedy),
            }
        }
        Ok(all) => {
            let remedy = format!("Keep one: with several, signatures fail.\n{remedy}");
            finding.wrong(format!("there are {}", all.len()), remedy)
        }
    }
}

/// Describes the first difference of two texts. Registrars cut texts off, or put
/// a space between two pieces.
fn difference(published: &str, expected: &str) -> String {
    let same = published.bytes().zip(expected.bytes()).take_while(|(one, other)| one == other);
    let (same, length) = (same.count(), expected.len());
    let excerpt = |text: &str| {
        let rest: String = text.chars().skip(same).take(8).collect();
        if rest.is_empty() { "nothing more".to_owned() } else { format!("`{rest}`") }
    };
    if published.len() == same {
        return format!("it ends after {same} of {length} characters");
    }
    format!(
        "it differs from the key of this server at character {}: it has {}, the key {}",
        same + 1,
        excerpt(published),
        excerpt(expected)
    )
}

/// Returns whether two records mean the same to a verifier, which ignores white
/// space and the order of tags (RFC 6376, 3.2).
fn same_tags(one: &str, other: &str) -> bool {
    let tags = |text: &str| {
        let bare: String = text.split_whitespace().collect();
        let mut tags: Vec<String> = bare.split(';').map(str::to_owned).collect();
        tags.retain(|tag| !tag.is_empty());
        tags.sort();
        tags
    };
    // `v` comes first if it is there.
    tags(one) == tags(other) && one.trim_start().starts_with("v=DKIM1")
}

/// Judges the keys that other programs may sign with.
pub(super) fn of_others(wanted: &ExpectedRecords, resolver: &Resolver) -> Vec<Finding> {
    let names = wanted.domains.iter();
    let names = names.flat_map(|it| SELECTORS.map(|key| format!("{key}._domainkey.{it}")));
    let is_ours = |name: &String| wanted.of_services.iter().any(|record| record.name == *name);
    let names = names.filter(|name| !is_ours(name));
    names.filter_map(|name| of_other(&name, &resolver.txt(&name).ok()?)).collect()
}

pub(super) fn of_other(name: &str, found: &[String]) -> Option<Finding> {
    let record = found.first()?;
    let finding = Finding::about(&DKIM, name);
    let remedy = format!("Publish the key that mail is signed with, or remove {name}.");
    Some(match found {
        [_] if tag(record, "p").is_some() => finding,
        [_] => finding.wrong("it holds no key (p=)", remedy),
        _ => finding.wrong(format!("there are {}: keep one", found.len()), remedy),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Verdict;

    fn of(texts: &[&str]) -> Finding {
        let record = Record {
            rule: "dns.dkim",
            name: "m202611._domainkey.example.org".into(),
            kind: "TXT",
            value: format!("v=DKIM1; k=rsa; p={}", "MIIB".repeat(98)),
            why: "",
        };
        of_key(&record, &Ok(texts.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn a_published_key_is_compared_byte_by_byte() {
        let whole = format!("v=DKIM1; k=rsa; p={}", "MIIB".repeat(98));
        assert_eq!(of(&[&whole]).verdict, Verdict::Ok);
        let cut = of(&[&whole[..255]]);
        assert_eq!(
            (cut.verdict, cut.facts.as_str()),
            (Verdict::Wrong, "it ends after 255 of 410 characters")
        );
        let spaced = of(&[&format!("{} {}", &whole[..255], &whole[255..])]);
        assert_eq!(spaced.verdict, Verdict::Warning);
        assert!(spaced.facts.contains("at character 256"), "{spaced:?}");
        let other = of(&[&whole.replacen("MIIB", "MIIC", 1)]);
        assert_eq!(other.verdict, Verdict::Wrong);
        assert!(
            other.facts.contains("at character 22: it has `CMIIBMII`, the key `BMIIBMII`"),
            "{other:?}"
        );
        let none = of(&[]);
        assert!(none.remedy.contains("\" \"") && none.facts.contains("mail is signed"), "{none:?}");
        assert_eq!(of(&[&whole, &whole]).verdict, Verdict::Wrong);
        assert_eq!(of(&[&whole.replace("; ", ";")]).verdict, Verdict::Warning);
    }
}
