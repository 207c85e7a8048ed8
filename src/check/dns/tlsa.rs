//! Judges the records by which other servers know the key of this one (DANE, RFC 7672).

use super::{TLSA, TLSA_NEXT, joined, publish, unanswered};
use crate::finding::Finding;
use crate::probe::Found;
use crate::services::Record;

/// Judges the record of the key that serves.
pub(super) fn of_key(expected: &Record, found: &Found<(String, bool)>) -> Finding {
    let finding = Finding::about(&TLSA, &expected.name);
    let found = match found {
        Ok(found) => found,
        Err(why) => return unanswered(finding, why),
    };
    let remedy = publish(expected);
    match found.iter().find(|(value, _)| *value == expected.value) {
        Some((value, true)) => finding.seen(value.as_str()),
        Some((value, false)) => finding.seen(format!(
            "{value}; without proof (DNSSEC), as far as the resolver of this host tells"
        )),
        None if found.is_empty() => finding.warning("there is none", remedy),
        None => {
            let values: Vec<_> = found.iter().map(|(value, _)| value).collect();
            let facts = format!("it is {}: servers that check it deliver nothing", joined(&values));
            finding.wrong(facts, remedy)
        }
    }
}

/// Judges the record of the key that is to serve next.
pub(super) fn of_next(expected: &Record, found: &Found<(String, bool)>) -> Finding {
    let finding = Finding::about(&TLSA_NEXT, &expected.name);
    match found {
        Err(why) => unanswered(finding, why),
        Ok(found) if found.iter().any(|(value, _)| *value == expected.value) => finding.warning(
            "it is published, and does not serve yet",
            "Have it serve: mailprov certificate renew --new-key",
        ),
        Ok(_) => finding.warning("there is none", publish(expected)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Verdict;

    #[test]
    fn another_key_keeps_mail_away_and_none_does_not() {
        let expected = Record {
            rule: "dns.tlsa",
            name: "_25._tcp.mail.example.org".into(),
            kind: "TLSA",
            value: "3 1 1 aa".into(),
            why: "",
        };
        let of = |all: &[&str], is_proven| {
            let found = all.iter().map(|it| ((*it).to_owned(), is_proven)).collect();
            of_key(&expected, &Ok(found))
        };
        assert_eq!(of(&["3 1 1 bb", "3 1 1 aa"], true).verdict, Verdict::Ok);
        assert!(of(&["3 1 1 aa"], false).facts.contains("without proof"));
        assert_eq!(of(&["3 1 1 bb"], true).verdict, Verdict::Wrong);
        assert_eq!(of(&[], true).verdict, Verdict::Warning);
    }
}
