//! What two mailprovs say to each other over SSH: one JSON object a line. Both
//! sides of a connection are the same program, so this is not for others; that
//! they are of different versions is noticed at the first line.

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

pub use question::Question;
pub use styled::Styled;

/// Counts up whenever one side would no longer understand the other.
pub const VERSION: u32 = 4;

/// No request is longer: a mail.yml with a hundred thousand accounts and all
/// that it names fit in.
const LONGEST_REQUEST: u64 = 256 * 1024 * 1024;

/// No frame is longer: a plan for as many accounts fits in.
const LONGEST_FRAME: u64 = 32 * 1024 * 1024;

/// What is asked of the far side, once.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// The [`VERSION`] of who asks.
    pub version: u32,
    /// The command, as the command line parsed it.
    pub command: serde_json::Value,
    /// What the answers are shown on.
    pub screen: Screen,
    /// How the host was reached, for what is said to do next.
    pub reach: Reach,
    /// The playbook, where another than the usual one is wanted.
    pub playbook: Option<WantedPlaybook>,
    /// The mail.yml to use instead of the host's own.
    pub mail: Option<MailBundle>,
    /// The saved plan to apply.
    pub plan: Option<String>,
}

/// What the one who asks sees the answers on.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Screen {
    /// Standard output takes colours.
    pub out_in_colour: bool,
    /// Standard error takes colours.
    pub err_in_colour: bool,
    /// Somebody sits there who can answer a question.
    pub answers: bool,
    /// JSON lines are wanted on standard output.
    pub json: bool,
    /// Only what is wrong is wanted.
    pub quiet: bool,
    /// Also what needs nothing is wanted.
    pub verbose: bool,
    /// Whether all is well is said here, where it is also looked from outside.
    pub judged_here: bool,
    /// How many columns standard output has, where it is a terminal.
    #[serde(default)]
    pub out_width: Option<u16>,
    /// How many columns standard error has, where it is a terminal.
    #[serde(default)]
    pub err_width: Option<u16>,
    /// Whether [`Frame::Page`] and [`Question::Plan`] are understood there; earlier
    /// versions know neither.
    #[serde(default)]
    pub reviews: bool,
}

/// A mail.yml on its way, with the files that it names.
#[derive(Debug, Serialize, Deserialize)]
pub struct MailBundle {
    /// The name of the mail.yml where it comes from, for messages.
    pub name: String,
    /// Its text.
    pub text: PlaintextSecret,
    /// The files, by their paths as written in it.
    pub files: BTreeMap<PathBuf, PlaintextSecret>,
}

/// A playbook that is to be used on the far side.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WantedPlaybook {
    /// The embedded one of this name.
    Embedded(String),
    /// A person's own.
    Own(PlaybookBundle),
}

/// A playbook of a person's own on its way, with its templates and files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlaybookBundle {
    /// The path of its file where it comes from, for messages.
    pub name: String,
    /// Which of the files it is in.
    pub file: String,
    /// The files by their paths below its folder, in base64: not all are text.
    pub files: BTreeMap<String, PlaintextSecret>,
}

/// A secret that may be seen by the other side, and by nobody else.
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

/// What the one who asked says later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The answer to a question.
    Line(PlaintextSecret),
    /// There is no answer to the question.
    Nothing,
    /// The run is to be undone.
    Stop,
    /// How it ended was heard.
    #[serde(rename = "heard")]
    Ack,
}

/// What the far side says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    /// It is there, and speaks this [`VERSION`].
    Ready(u32),
    /// Text for standard output.
    Out(Styled),
    /// Text for standard error.
    Err(Styled),
    /// A long text for standard output, for a pager where there is one.
    Page(Styled),
    /// A line for programs on standard output.
    Event(serde_json::Map<String, serde_json::Value>),
    /// How far the run is.
    Progress(Progress),
    /// A question that is answered by a line.
    Ask(Question),
    /// A plan or a picture to be kept in the file that was named.
    Keep(String),
    /// This is the exit code, and the end.
    End(u8),
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// A step begins.
    Started {
        /// Its name.
        step: String,
    },
    /// Something takes long, or waits.
    Said {
        /// What is being done.
        text: String,
    },
    /// Something is off that stops nothing.
    Warned {
        /// What, in a sentence.
        text: String,
    },
    /// Something failed; what was done is undone from here on.
    Undoing,
    /// The step is done.
    Finished {
        /// Its name.
        step: String,
        /// How long it took.
        seconds: f64,
    },
    /// The run is over and stays; now it is looked whether all is well.
    Checking {
        /// With what.
        subject: String,
    },
}

/// Writes one line.
///
/// # Errors
///
/// Fails where nobody reads any more.
pub fn write(mut to: impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

/// Reads a request or an answer; none at the end.
///
/// # Errors
///
/// Fails where it is too long, or not what is expected.
pub fn read<T: DeserializeOwned>(from: &mut impl BufRead) -> io::Result<Option<T>> {
    read_line(from, LONGEST_REQUEST)
}

/// Reads what a host says, which may mean harm: no text in it commands a
/// terminal.
///
/// # Errors
///
/// As [`read`].
pub fn read_frame(from: &mut impl BufRead) -> io::Result<Option<Frame>> {
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
    /// Escapes what is shown as it is. Styled text is escaped when it is shown,
    /// and a file is judged before it is kept.
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
