//! Properties of every `mail.yml`, tested with random ones.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use super::{Spec, load};
use crate::diagnostic::{Diagnostic, Source};
use crate::mail::{Files, PostfixTables};

const HASH: &str = "{SHA512-CRYPT}$6$saltsalt$8iYtNHxjWRl.NF6oNZ5tF.iKFlQREaXBLlSmZKP6dy9l5z3vsoo\
                    WNW0/GZ6Nej73/TFug6pIPSqbJoCT6dfnj.";

fn try_load(text: &str) -> Result<Spec, Vec<Diagnostic>> {
    load(
        &Arc::new(Source { name: "mail.yml".into(), text: text.into() }),
        &Files::beside(Path::new("/nowhere")),
    )
}

/// A mail.yml with unique names and without forwarding loops.
fn valid() -> impl Strategy<Value = String> {
    let domains = subsequence(vec!["a.org", "b.org", "c.org"], 1..=3);
    let accounts = subsequence(vec!["anna", "bert", "root", "No", "carl"], 1..=5);
    let aliases = subsequence(vec!["info", "sales", "abuse"], 0..=3);
    let sources = subsequence(vec!["club", "team", "anna", "carl", "noc"], 0..=4);
    let targets = prop::collection::vec(
        select(vec!["bert", "x@else.example", "Y+z@else.example", "bert@a.org", "postmaster"]),
        1..4,
    );
    let modes = (any::<bool>(), any::<bool>(), any::<Index>());
    (domains, accounts, aliases, sources, targets, modes).prop_map(
        |(domains, mut accounts, aliases, sources, targets, (shared, all, owner))| {
            if !domains.contains(&"a.org") || !accounts.contains(&"bert") {
                accounts.retain(|name| *name != "bert");
                accounts.push("bert");
            }
            let mode = if shared { "shared" } else { "per-domain" };
            let mut text = format!(
                "hostname: mail.a.org\ndomains: [{}]\nmailboxes: {mode}\naccounts:\n",
                domains.join(", ")
            );
            for (index, name) in accounts.iter().enumerate() {
                let aliases = if index == 0 { aliases.join(", ") } else { String::new() };
                writeln!(text, "  {name}: {{password: \"{HASH}\", aliases: [{aliases}]}}").unwrap();
            }
            if all {
                writeln!(text, "catch_all: {}", owner.get(&accounts)).unwrap();
            }
            let mut targets = targets;
            let mut seen = HashSet::new();
            targets.retain(|target| {
                seen.insert(*target)
                    && (domains.contains(&"a.org") || *target != "bert@a.org")
                    && *target != "postmaster"
            });
            targets.push("z@else.example");
            text.push_str("forwards:\n  zzz: z@else.example\n");
            for source in sources {
                let own = if accounts.contains(&source) { source } else { "y@else.example" };
                writeln!(text, "  {source}: [{}, {own}]", targets.join(", ")).unwrap();
            }
            text
        },
    )
}

/// The places in Postfix's tables where a word of mail.yml ends up.
const PLACES: [&str; 6] = [
    "hostname: mail.a.org\ndomains: [a.org]\naccounts:\n  anna: {password: \"HASH\", aliases: [\"LOCAL\"]}\n",
    "hostname: mail.a.org\ndomains: [a.org]\naccounts:\n  anna: {password: \"HASH\", aliases: [\"LOCAL@a.org\"]}\n",
    "hostname: mail.a.org\ndomains: [a.org]\naccounts:\n  \"LOCAL\": {password: \"HASH\"}\n",
    "hostname: mail.a.org\ndomains: [a.org]\naccounts:\n  anna: {password: \"HASH\"}\nforwards: {\"LOCAL\": anna}\n",
    "hostname: mail.a.org\ndomains: [a.org]\naccounts:\n  anna: {password: \"HASH\"}\nforwards: {club: \"LOCAL@else.example\"}\n",
    "hostname: mail.a.org\ndomains: [a.org]\naccounts:\n  anna: {password: \"HASH\"}\nsystem_mail: \"LOCAL@else.example\"\n",
];

/// Returns whether a word is more than an address to `postmap(1)`,
/// `virtual(5)`, `aliases(5)` or a shell.
fn is_order(word: &str) -> bool {
    let (local, domain) = word.rsplit_once('@').unwrap_or((word, ""));
    word.starts_with(['/', '|', '~', '#', '-', '\'', '&', '$', '*', '?', '`', '{', ':'])
        || local.contains(|c: char| c.is_whitespace() || "\"\\,:;()<>[]@!%".contains(c))
        || domain.is_empty()
}

/// Looks up an address as Postfix does, and follows it to the final recipients.
fn ends(routes: &PostfixTables, start: &str) -> HashSet<String> {
    let lines: HashMap<String, Vec<String>> = routes
        .aliases
        .iter()
        .map(|line| {
            (line.pattern.to_string(), line.targets.iter().map(ToString::to_string).collect())
        })
        .collect();
    let (mut ends, mut seen, mut todo) = (HashSet::new(), HashSet::new(), vec![start.to_owned()]);
    while let Some(address) = todo.pop() {
        let (_, domain) = address.split_once('@').unwrap();
        let found = lines.get(&address).or_else(|| lines.get(&format!("@{domain}")));
        for target in found.cloned().unwrap_or_else(|| vec![address.clone()]) {
            if target == address {
                ends.insert(target);
            } else if seen.insert(target.clone()) {
                todo.push(target);
            }
        }
    }
    ends
}

fn is_unique<T: Eq + std::hash::Hash>(values: impl IntoIterator<Item = T>) -> bool {
    let mut seen = HashSet::new();
    values.into_iter().all(|value| seen.insert(value))
}

proptest! {
    #[test]
    fn all_mail_ends_at_a_mailbox_or_elsewhere(text in valid()) {
        let shown = |mistakes: Vec<Diagnostic>| {
            mistakes.iter().map(|mistake| mistake.render(false)).collect::<String>()
        };
        let spec = try_load(&text).map_err(|mistakes| {
            TestCaseError::fail(format!("{text}\n{}", shown(mistakes)))
        })?;
        let routes = spec.directory.postfix_tables();
        prop_assert!(is_unique(routes.aliases.iter().map(|line| &line.pattern)));
        prop_assert!(is_unique(routes.senders.iter().map(|line| &line.pattern)));
        prop_assert!(is_unique(routes.mailboxes.iter()));
        prop_assert!(routes.senders.iter().all(|line| !line.logins.is_empty()));
        let mailboxes: HashSet<String> =
            routes.mailboxes.iter().map(ToString::to_string).collect();
        for line in &routes.aliases {
            let nobody = if line.pattern.address().is_none() { "nobody" } else { "" };
            for end in ends(&routes, &format!("{nobody}{}", line.pattern)) {
                let away = end.ends_with("@else.example");
                prop_assert!(away || mailboxes.contains(&end), "{} at {end}\n{text}", line.pattern);
            }
        }
    }

    #[test]
    fn an_account_gets_its_own_mail_whatever_is_caught(text in valid()) {
        let spec = try_load(&text).unwrap();
        let routes = spec.directory.postfix_tables();
        for account in 0..spec.directory.accounts.len() {
            let mailboxes: Vec<String> =
                spec.directory.mailboxes_of(account).iter().map(ToString::to_string).collect();
            for address in spec.directory.addresses(account) {
                let ends = ends(&routes, &address.to_string());
                let own = ends.iter().any(|end| mailboxes.contains(end) || *end == address.to_string());
                prop_assert!(own, "{address} ends at {ends:?}\n{text}");
            }
        }
    }

    #[test]
    fn an_accepted_address_stays_one_in_every_table(
        local in "[a-c0'&=#$*/?^`{|}~!%.+@,:;\"<(\\\\ _-]{1,4}|:include:/a|[/|~]a",
        place in 0..PLACES.len(),
    ) {
        let quoted = local.replace('\\', "\\\\").replace('"', "\\\"");
        let text = PLACES[place].replace("HASH", HASH).replace("LOCAL", &quoted);
        if let Ok(spec) = try_load(&text) {
            let routes = spec.directory.postfix_tables();
            let aliases = routes.aliases.iter().flat_map(|line| {
                let targets = line.targets.iter().map(ToString::to_string);
                std::iter::once(line.pattern.to_string()).chain(targets)
            });
            let senders = routes.senders.iter().map(|line| line.pattern.to_string());
            let mailboxes = routes.mailboxes.iter().map(ToString::to_string);
            let system_mail = spec.directory.system_mail.iter().map(ToString::to_string);
            for word in aliases.chain(senders).chain(mailboxes).chain(system_mail) {
                prop_assert!(!is_order(&word), "{word}\n{text}");
            }
            for mailbox in &routes.mailboxes {
                prop_assert!(mailbox.local().chars().all(|c| c.is_alphanumeric() || "._-".contains(c)));
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        if let Err(mistakes) = try_load(&text) {
            mistakes.iter().for_each(|mistake| { mistake.render(false); });
        }
    }
}

#[test]
fn no_slip_of_the_finger_shows_a_password() {
    for text in [BLOCK, FLOW] {
        let text = text.replace("HASH", HASH);
        let places = text.char_indices().filter(|(at, _)| !inside_secret(&text, *at));
        for (at, letter) in places {
            let without = format!("{}{}", &text[..at], &text[at + letter.len_utf8()..]);
            shows_no_secret(&without);
            for slip in SLIPS {
                shows_no_secret(&format!("{}{slip}{}", &text[..at], &text[at..]));
            }
        }
    }
}

fn shows_no_secret(text: &str) {
    for mistake in try_load(text).err().unwrap_or_default() {
        let shown = mistake.render(false);
        assert!(!shown.contains("hunter2") && !shown.contains("saltsalt"), "{shown}\n{text}");
    }
}

const SLIPS: &[&str] =
    &["\n", "\t", " ", "\"", ":", ": ", "{", "}", ",", "- ", " #", "*a", "|", "x"];

const BLOCK: &str = "hostname: mail.example.org
domains: [example.org]
accounts:
  thomas:
    password: hunter2
    aliases: [info]
  anna:
    password: \"HASH\"
    quota: 5G
  bert: hunter2
  carl:
    password: |
      hunter2
      hunter2
relay:
  host: smtp.example.net
  password: hunter2
";

const FLOW: &str = "hostname: mail.example.org
domains: [example.org]
accounts: {
  thomas: {password: hunter2, aliases: [info]},
  anna: {quota: 5G, password: \"HASH\"} }
relay: {host: smtp.example.net, password: 'hunter2'}
";

/// Returns whether a typo at this place would change a secret itself.
fn inside_secret(text: &str, at: usize) -> bool {
    [("hunter2", 7), ("saltsalt", 8)].iter().any(|(secret, length)| {
        text.match_indices(secret).any(|(start, _)| (start + 1..start + length).contains(&at))
    })
}
