//! The ways of clients to the pages.

use crate::explain::{ServerFiles, Stop, Way};

/// The sites, each with its server.
const SITES: [(&str, &str); 2] = [
    ("/etc/nginx/sites-available/mailprov", "nginx"),
    ("/etc/apache2/sites-available/mailprov.conf", "Apache"),
];

pub(super) fn ways(server: &ServerFiles) -> Vec<Way> {
    let site = SITES.iter().find(|(path, _)| server.has_file(path));
    let Some((site, program)) = site else { return Vec::new() };
    let way = |title: &str, asked: Stop, about: &str, file: &str, content: &str| Way {
        title: title.into(),
        stops: vec![asked, Stop::new(*program, about), Stop::new(file, content)],
    };
    let mut ways = vec![
        way(
            "Mail programs that set themselves up",
            Stop::new(
                "port 443 of autoconfig.DOMAIN",
                "a program asks by the domain of an address",
            ),
            "shows the file, also on port 80",
            "/var/lib/mailprov-web/autoconfig.xml",
            "server, ports and login, as this server has them",
        ),
        way(
            "People who set their program up",
            Stop::new("port 443 of the host name", "a browser asks for /setup"),
            "shows the page",
            "/var/lib/mailprov-web/setup",
            "the settings in words, and a profile for iPhones and Macs",
        ),
    ];
    if server.mentions(site, "mta-sts.txt") {
        ways.push(way(
            "Other servers, before they deliver (MTA-STS)",
            Stop::new("port 443 of mta-sts.DOMAIN", "a server asks once DNS has the record"),
            "shows the policy",
            "/var/lib/mailprov-web/mta-sts.txt",
            "to deliver to the host name with TLS only",
        ));
    }
    ways.push(way(
        "The authority, before it issues a certificate",
        Stop::new("port 80 of each name", "the authority asks for a word"),
        "shows the answer of mailprov",
        "/var/lib/mailprov-web/acme",
        "holds it while the authority asks",
    ));
    ways
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::File;

    fn titles(path: &str, text: &str) -> Vec<String> {
        let file = File { path: path.into(), step: String::new(), text: text.into() };
        let files = ServerFiles::of(&[file], "/var/vmail/thomas/Maildir".into());
        ways(&files).into_iter().map(|way| way.title).collect()
    }

    #[test]
    fn each_page_that_a_site_shows_has_a_way() {
        let policy = "server {\n    alias /var/lib/mailprov-web/mta-sts.txt;\n}\n";
        let with = titles(SITES[0].0, policy);
        assert!(with.len() == 4 && with.iter().any(|it| it.contains("MTA-STS")), "{with:?}");
        assert_eq!(titles(SITES[1].0, "<VirtualHost *:443>\n</VirtualHost>\n").len(), 3);
        assert_eq!(titles("/etc/nginx/sites-available/default", policy).len(), 0);
    }
}
