//! Evaluates an SPF record (RFC 7208) for the server. It follows no references to other records.

use std::net::IpAddr;

use crate::services::checking::Networks;

/// Returns whether `record` allows a mail server with this name and address to
/// send as `domain`, which may have an MX record that leads to the server, or
/// `None` if that depends on other records.
pub(super) fn lets(
    record: &str,
    domain: &str,
    hostname: &str,
    has_mx: bool,
    address: IpAddr,
) -> Option<bool> {
    let mut open = false;
    for term in record.split_whitespace().skip(1) {
        let term = term.to_lowercase();
        let (qualifier, mechanism) = match term.split_at_checked(1) {
            Some((sign @ ("+" | "-" | "~" | "?"), rest)) => (sign, rest),
            _ => ("+", term.as_str()),
        };
        let (name, value) = mechanism.split_once(':').unwrap_or((mechanism, ""));
        let matches = match name {
            "all" => true,
            // Another check covers whether the MX points here.
            "mx" => has_mx && (value.is_empty() || value == domain),
            "a" => value == hostname || (value.is_empty() && domain == hostname),
            "ip4" | "ip6" => Networks::parse(value).hold(address),
            _ => {
                open |= matches!(name, "include" | "exists" | "ptr")
                    || name.starts_with("redirect=")
                    || name.contains('/');
                false
            }
        };
        if matches {
            let lets = qualifier == "+";
            return if open && !lets { None } else { Some(lets) };
        }
    }
    if open { None } else { Some(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_match_counts() {
        let of = |record: &str| {
            lets(record, "example.org", "mail.example.org", true, "192.0.2.5".parse().unwrap())
        };
        for yes in [
            "v=spf1 mx -all",
            "v=spf1 +MX -all",
            "v=spf1 a:mail.example.org -all",
            "v=spf1 ip4:192.0.2.5 -all",
            "v=spf1 ip4:192.0.2.0/24 -all",
            "v=spf1 include:x.example mx -all",
            "v=spf1 +all",
        ] {
            assert_eq!(of(yes), Some(true), "{yes}");
        }
        for no in [
            "v=spf1 -all",
            "v=spf1",
            "v=spf1 a -all",
            "v=spf1 mx:other.example ~all",
            "v=spf1 ip4:198.51.100.0/24 ip6:::/0 -all",
            "v=spf1 -mx +all",
            "v=spf1 ip4:x/99 ?all",
        ] {
            assert_eq!(of(no), Some(false), "{no}");
        }
        for open in ["v=spf1 include:x.example -all", "v=spf1 redirect=x.example"] {
            assert_eq!(of(open), None, "{open}");
        }
    }

    #[test]
    fn the_name_of_the_host_has_an_address_and_no_mx() {
        let name = "mail.example.org";
        let of = |record: &str| lets(record, name, name, false, "192.0.2.5".parse().unwrap());
        assert_eq!(of("v=spf1 a -all"), Some(true));
        assert_eq!(of("v=spf1 mx -all"), Some(false));
        assert_eq!(of("v=spf1 -all"), Some(false));
    }
}
