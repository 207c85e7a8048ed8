//! The way of people to their mail in a browser.

use crate::explain::{ServerFiles, Stop, Way};

/// The pages of the webmail, each with the server that shows them.
const PAGES: [(&str, &str); 2] = [
    ("/etc/nginx/mailprov/webmail.conf", "nginx"),
    ("/etc/apache2/mailprov/webmail.conf", "Apache"),
];

pub(super) fn ways(server: &ServerFiles) -> Vec<Way> {
    let pages = PAGES.iter().find(|(path, _)| server.has_file(path));
    let Some((_, program)) = pages else { return Vec::new() };
    vec![Way {
        title: "People who read and write mail in a browser".into(),
        stops: vec![
            Stop::new("port 443 of the host name", "a browser asks for /"),
            Stop::new(*program, "shows the files of Roundcube, and asks PHP for pages"),
            Stop::new(
                "/run/mailprov-webmail/php.sock",
                "Roundcube in PHP, which sees no file of mail",
            ),
            Stop::new("port 993 of 127.0.0.1", "Dovecot checks the password and shows the mail"),
            Stop::new("port 465 of 127.0.0.1", "Postfix takes what the person sends"),
        ],
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::File;

    #[test]
    fn the_way_is_there_where_a_server_shows_the_pages() {
        let ways = |path: &str| {
            let file = File { path: path.into(), step: String::new(), text: "include x;\n".into() };
            ways(&ServerFiles::of(&[file], "/var/vmail/thomas/Maildir".into())).len()
        };
        assert_eq!((ways(PAGES[0].0), ways(PAGES[1].0), ways("/etc/motd")), (1, 1, 0));
    }
}
