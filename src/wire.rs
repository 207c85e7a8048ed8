//! The protocol of two mailprovs over SSH: one JSON object a line. Both sides
//! of a connection are the same program, so it is not a public interface; the
//! first line reveals a difference of versions.

mod question;
mod styled;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::reach::Reach;
use crate::secret::Secret;
use crate::visible::visible;

pub(crate) use question::{Question, is_yes};
pub(crate) use styled::Styled;

/// The version of the protocol, raised with every incompatible change.
pub const VERSION: u32 = 4;

/// The limit of a request, which holds a mail.yml with a hundred thousand
/// accounts and all the files that it names.
const LONGEST_REQUEST: u64 = 256 * 1024 * 1024;

/// The limit of a frame, which holds a plan for as many accounts.
const LONGEST_FRAME: u64 = 32 * 1024 * 1024;

/// The request to the far side, sent once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The [`VERSION`] of the near side.
    pub version: u32,
    /// The command, as the command line parsed it.
    pub command: serde_json::Value,
    /// The properties of the near side's terminal.
    pub screen: Screen,
    /// How the host was reached, for hints with command lines.
    pub reach: Reach,
    /// The playbook, if it is not the default one.
    pub playbook: Option<WantedPlaybook>,
    /// The mail.yml to use instead of the host's own.
    pub mail: Option<MailBundle>,
    /// The saved plan to apply.
    pub plan: Option<String>,
}

/// The properties of the near side's terminal and its options for output.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Screen {
    pub out_in_colour: bool,
    pub err_in_colour: bool,
    /// A user can answer questions.
    pub answers: bool,
    /// Standard output is for JSON lines.
    pub json: bool,
    /// The option `--quiet`.
    pub quiet: bool,
    /// The option `--verbose`.
    pub verbose: bool,
    /// The near side checks from outside too, and gives the verdict.
    pub judged_here: bool,
    /// The columns of standard output, if it is a terminal.
    #[serde(default)]
    pub out_width: Option<u16>,
    /// The columns of standard error, if it is a terminal.
    #[serde(default)]
    pub err_width: Option<u16>,
    /// Whether the near side understands [`Frame::Page`] and
    /// [`Question::Plan`]; earlier versions do not.
    #[serde(default)]
    pub reviews: bool,
}

/// A mail.yml to send, with the files that it names.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MailBundle {
    /// The name of mail.yml on its own machine, for messages.
    pub name: String,
    pub text: PlaintextSecret,
    /// The files, by their paths as written in mail.yml.
    pub files: BTreeMap<PathBuf, PlaintextSecret>,
}

/// A playbook for the far side.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WantedPlaybook {
    /// The embedded playbook of this name.
    Embedded(String),
    /// A playbook of the user's own.
    Own(PlaybookBundle),
}

/// A playbook of the user's own to send, with its templates and files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlaybookBundle {
    /// The path of the playbook on its own machine, for messages.
    pub name: String,
    /// The name of the playbook's file among the files.
    pub file: String,
    /// The files by their paths below its folder, in base64, since not all are
    /// text.
    pub files: BTreeMap<String, PlaintextSecret>,
}

/// A secret that is sent to the other side, but never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaintextSecret(pub Secret<String>);

impl Serialize for PlaintextSecret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for PlaintextSecret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(Secret::new(String::deserialize(from)?)))
    }
}

/// A later message of the near side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// The answer to a question.
    Line(PlaintextSecret),
    /// There is no answer to the question.
    Nothing,
    /// Undo the run.
    Stop,
    /// The end was received.
    #[serde(rename = "heard")]
    Ack,
}

/// A message of the far side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Frame {
    /// It is ready, and speaks this [`VERSION`].
    Ready(u32),
    /// Text for standard output.
    Out(Styled),
    /// Text for standard error.
    Err(Styled),
    /// A long text for standard output, for a pager if there is one.
    Page(Styled),
    /// A JSON line for standard output.
    Event(serde_json::Map<String, serde_json::Value>),
    /// The progress of a run.
    Progress(Progress),
    /// A question that is answered by a line.
    Ask(Question),
    /// A plan or a picture to save in the file of the command line.
    Keep(String),
    /// The end, with the exit code.
    End(u8),
}

/// The progress of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Progress {
    /// A step starts.
    Started { step: String },
    /// A slow operation starts.
    Said { text: String },
    /// A warning, which does not stop the run.
    Warned { text: String },
    /// A change failed, and the undo starts.
    Undoing,
    /// A step is done.
    Finished { step: String, seconds: f64 },
    /// The run is over and stays; the checks start.
    Checking { subject: String },
}

/// Writes one line.
///
/// # Errors
///
/// Fails where the other side has closed the connection.
pub(crate) fn write(mut to: impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

/// Reads a request or an answer; `None` at the end.
///
/// # Errors
///
/// Fails where it is too long, or has another form.
pub(crate) fn read<T: DeserializeOwned>(from: &mut impl BufRead) -> io::Result<Option<T>> {
    read_line(from, LONGEST_REQUEST)
}

/// Reads a frame of a host, which may be hostile: escapes all text, so that
/// none controls the terminal.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn read_frame(from: &mut impl BufRead) -> io::Result<Option<Frame>> {
    Ok(read_line::<Frame>(from, LONGEST_FRAME)?.map(Frame::made_visible))
}

fn read_line<T: DeserializeOwned>(from: &mut impl BufRead, most: u64) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    let length = io::Read::take(&mut *from, most).read_until(b'\n', &mut line)?;
    match (length, line.last()) {
        (0, _) => Ok(None),
        (_, Some(b'\n')) => Ok(Some(serde_json::from_slice(&line)?)),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

impl Frame {
    /// Escapes text that is shown as it is. Styled text is escaped when it is
    /// shown, and a file is validated before it is saved.
    fn made_visible(self) -> Self {
        match self {
            Self::Progress(at) => Self::Progress(at.made_visible()),
            Self::Ready(_)
            | Self::Out(_)
            | Self::Err(_)
            | Self::Page(_)
            | Self::Event(_)
            | Self::Ask(_)
            | Self::Keep(_)
            | Self::End(_) => self,
        }
    }
}

impl Progress {
    fn made_visible(self) -> Self {
        let line = |text: String| visible(text);
        match self {
            Self::Started { step } => Self::Started { step: line(step) },
            Self::Said { text } => Self::Said { text: line(text) },
            Self::Undoing => Self::Undoing,
            Self::Finished { step, seconds } => Self::Finished { step: line(step), seconds },
            Self::Warned { text } => Self::Warned { text: line(text) },
            Self::Checking { subject } => Self::Checking { subject: line(subject) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_arrives_whole_and_shows_nothing_on_the_way() {
        let bundle = MailBundle {
            name: "mail.yml".into(),
            text: PlaintextSecret(Secret::new("password: hunter2".into())),
            files: [(PathBuf::from("relay"), PlaintextSecret(Secret::new("hunter3\n".into())))]
                .into(),
        };
        assert!(!format!("{bundle:?}").contains("hunter"));
        let mut line = Vec::new();
        write(&mut line, &bundle).unwrap();
        let arrived: MailBundle = read(&mut line.as_slice()).unwrap().unwrap();
        assert_eq!(arrived.text, bundle.text);
        assert_eq!(arrived.files, bundle.files);
    }

    #[test]
    fn a_line_that_was_cut_off_is_no_message() {
        assert_eq!(read::<Answer>(&mut &b"\"stop\"\n"[..]).unwrap(), Some(Answer::Stop));
        assert_eq!(read::<Answer>(&mut &b""[..]).unwrap(), None);
        assert!(read::<Answer>(&mut &b"\"stop\""[..]).is_err());
        assert!(read::<Answer>(&mut &b"hello\n"[..]).is_err());
    }
}
