//! The proof: sends and receives mail, and tries forbidden deliveries.

use super::super::CommandError;
use crate::app::demo::Demo;
use crate::report::Report;
use crate::sandbox::DemoServer;
use crate::services::checking::{Reader, RoundTrip};

/// Sends and reads mail, and tries what the server must refuse.
pub(super) fn show(
    server: &DemoServer,
    demo: &Demo,
    stop: &dyn Fn() -> bool,
    report: &mut Report,
) -> Result<(), CommandError> {
    let exchange = RoundTrip::new(server.address(), demo.tls(server)?)?;
    let (sender, reader) = (&demo.sender, &demo.reader);
    report
        .narrate(&format!("\nA stranger's server has mail for {}, on port 25:\n", reader.address));
    exchange.deliver(&reader.address, &mut |asked, answer| report.exchange(asked, answer))?;
    report.narrate("\nA stranger would like mail for another stranger to go through here:\n");
    exchange.relay(&reader.address, &mut |asked, answer| report.exchange(asked, answer))?;
    report.narrate(&format!(
        "\n{} sends from a mail program, on port 465, TLS from the first byte:\n",
        sender.login
    ));
    exchange.submit(sender, &reader.address, &mut |asked, answer| {
        report.exchange(asked, answer);
    })?;
    let by = match demo.by {
        Reader::Imap => "IMAP on port 993",
        Reader::Pop3 => "POP3 on port 995",
    };
    report.narrate(&format!("\n{} reads both mails, by {by}:\n", reader.login));
    let mails = exchange.read(reader, demo.by, 2, stop)?;
    mails.iter().for_each(|mail| report.quote(mail));
    Ok(())
}
