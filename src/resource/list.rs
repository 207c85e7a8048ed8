//! How the list of kinds becomes the closed enums that plans, journals and
//! reports speak of.

use crate::yaml::KeySpec;

/// Counts the fields of all kinds.
pub(super) const fn count(lists: &[&[KeySpec]]) -> usize {
    let (mut count, mut index) = (0, 0);
    while index < lists.len() {
        count += lists[index].len();
        index += 1;
    }
    count
}

/// Returns the fields of all kinds in one list.
pub(super) const fn concat<const N: usize>(lists: &[&[KeySpec]]) -> [KeySpec; N] {
    let mut all = [lists[0][0]; N];
    let (mut list, mut index, mut at) = (0, 0, 0);
    while at < N {
        if index == lists[list].len() {
            (list, index) = (list + 1, 0);
            continue;
        }
        all[at] = lists[list][index];
        (index, at) = (index + 1, at + 1);
    }
    all
}

/// Makes [`Resource`](super::Resource), [`Key`](super::Key) and [`State`](super::State) of the list of kinds.
macro_rules! kinds {
    (
        $($(#[$key:meta])* $Kind:ident($Type:ty) $(= $state:literal)?,)+
        ; $($Files:ident($FilesType:ty),)*
        ; $($(#[$part_key:meta])* $Part:ident($PartType:ty) $(= $part_state:literal)?,)+
    ) => {
        resources! { $($Kind($Type),)+ $($Files($FilesType),)* }
        things! {
            $($(#[$key])* $Kind($Type) $(= $state)?,)+
            $($(#[$part_key])* $Part($PartType) $(= $part_state)?,)+
        }
    };
}

/// Makes the enum of what steps declare.
macro_rules! resources {
    ($($Kind:ident($Type:ty),)+) => {
        /// What one step of a playbook declares.
        #[derive(Debug, Clone, Serialize, Deserialize)]
        pub enum Resource {
            $(
                #[doc = concat!("See `", stringify!($Type), "`.")]
                $Kind($Type),
            )+
        }

        const WORDS: &[&[KeySpec]] = &[$(<$Type as Declaration>::WORDS,)+];

        /// The words by which a step declares something, each with its fields.
        pub const KINDS: &[KeySpec] = &list::concat::<{ list::count(WORDS) }>(WORDS);

        impl Resource {
            /// Reads the fields of a step that declares it by `word`, its templates
            /// rendered.
            pub fn decode(
                word: &str,
                node: &Node,
                assets: &dyn Assets,
                decoder: &mut Decoder,
            ) -> Option<Self> {
                $(
                    if <$Type as Declaration>::WORDS.iter().any(|it| it.name == word) {
                        return <$Type>::decode(word, node, assets, decoder).map(Self::$Kind);
                    }
                )+
                unreachable!("`{word}` is not in KINDS")
            }

            /// Returns its keys with the states they should be in.
            pub fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
                match self { $(Self::$Kind(it) => it.targets(overlay),)+ }
            }

            /// Refuses, before anything is changed, what it would fail at.
            pub fn reject_obstacles(&self, overlay: &Overlay<'_>) -> Result<()> {
                match self { $(Self::$Kind(it) => it.reject_obstacles(overlay),)+ }
            }

            /// Says why one of its targets is wanted, where the states alone do not.
            pub fn reason(&self, target: &Target) -> Option<String> {
                match self { $(Self::$Kind(it) => it.reason(target),)+ }
            }

            /// Returns what a service loads that this step notifies.
            pub fn loadable(&self) -> Vec<Key> {
                match self { $(Self::$Kind(it) => it.loadable(),)+ }
            }

            /// Returns path and content of a file that is declared whole, and
            /// whether that is secret.
            pub fn declared_file(&self) -> Option<(&Path, &Content, bool)> {
                match self { $(Self::$Kind(it) => it.declared_file(),)+ }
            }

            /// Returns the key of the one thing that it is about and that can be taken
            /// away again, if it can.
            pub fn key(&self) -> Option<Key> {
                match self { $(Self::$Kind(it) => it.key(),)+ }
            }

            /// Returns what is to go, where it declares something away.
            pub fn withdrawn(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
                match self { $(Self::$Kind(it) => it.withdrawn(overlay),)+ }
            }

            /// Returns the fields that tell where a step that declares something by
            /// `word` left it; none where it stays.
            fn found_by(word: &str) -> Option<&'static [&'static str]> {
                $(
                    if <$Type as Declaration>::WORDS.iter().any(|it| it.name == word) {
                        return <$Type as Declaration>::found_by(word);
                    }
                )+
                None
            }

            /// Reads such fields: what a step left, and how to take it away.
            fn withdrawals(
                word: &str,
                fields: &Node,
                assets: &dyn Assets,
                decoder: &mut Decoder,
            ) -> Option<Vec<Withdrawal>> {
                $(
                    if <$Type as Declaration>::WORDS.iter().any(|it| it.name == word) {
                        return <$Type as Declaration>::withdrawals(word, fields, assets, decoder);
                    }
                )+
                None
            }

            fn holds_secrets(&self) -> bool {
                match self { $(Self::$Kind(_) => <$Type as Declaration>::HOLDS_SECRETS,)+ }
            }

            /// Tells whether what follows a change waits until its reader, who
            /// looks once a second, saw it.
            pub fn is_polled(&self) -> bool {
                match self { $(Self::$Kind(it) => it.is_polled(),)+ }
            }

            /// Returns the programs that are run to plan it.
            pub fn asks(&self) -> Vec<&[String]> {
                match self { $(Self::$Kind(it) => it.asks(),)+ }
            }

            /// Returns the programs that judge files before one of them goes
            /// live, and the files.
            pub fn staged_checks(&self) -> Option<(&[Check], &[Key])> {
                match self { $(Self::$Kind(it) => it.staged_checks(),)+ }
            }
        }
    };
}

/// Makes the enums of keys and states.
macro_rules! things {
    ($($(#[$key:meta])* $Kind:ident($Type:ty) $(= $state:literal)?,)+) => {
        /// What a state is the state of: all that is needed to find a thing and
        /// look at it. Shown as `kind:name`.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Key {
            $(
                #[doc = concat!("See `", stringify!($Type), "`.")]
                $(#[$key])*
                $Kind(<$Type as Thing>::Key),
            )+
        }

        /// The state of a [`Key`]. On disk a file's content is kept apart and named
        /// by a `B` of another type ([`Stored`]).
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum State<B = Blob> {
            /// It is not there.
            Absent,
            /// A regular file.
            File {
                /// What it holds.
                blob: B,
                /// Whose it is.
                ownership: Ownership,
            },
            /// A folder.
            Directory(Ownership),
            /// A symbolic link.
            Link {
                /// Where it points, as written.
                target: PathBuf,
            },
            /// A FIFO, where none belongs.
            Fifo(Ownership),
            /// A socket or a device, where none belongs.
            Special,
            /// The original of a path is kept.
            Kept,
            /// What was to be done is done.
            Done,
            $($(
                #[doc = concat!("See `", stringify!($Type), "`.")]
                #[serde(rename = $state)]
                $Kind(<$Type as Thing>::State),
            )?)+
        }

        impl<B> State<B> {
            /// Tells whether there is something that could be taken away.
            pub fn is_there(&self) -> bool {
                match self {
                    Self::Absent => false,
                    $($(
                        Self::$Kind(state) => {
                            let _ = $state;
                            <$Type as Thing>::is_there(state)
                        }
                    )?)+
                    _ => true,
                }
            }

            /// Replaces the content of a file by what `map` makes of it.
            pub fn map_blob<C, E>(
                self,
                map: impl FnOnce(B) -> std::result::Result<C, E>,
            ) -> std::result::Result<State<C>, E> {
                Ok(match self {
                    Self::Absent => State::Absent,
                    Self::File { blob, ownership } => State::File { blob: map(blob)?, ownership },
                    Self::Directory(ownership) => State::Directory(ownership),
                    Self::Link { target } => State::Link { target },
                    Self::Fifo(ownership) => State::Fifo(ownership),
                    Self::Special => State::Special,
                    Self::Kept => State::Kept,
                    Self::Done => State::Done,
                    $($(Self::$Kind(state) => { let _ = $state; State::$Kind(state) })?)+
                })
            }
        }

        impl State {
            /// Tells whether `actual` is what this state, as a wish, asks for.
            pub fn is_met_by(&self, actual: &Self) -> bool {
                match (self, actual) {
                    $($(
                        (Self::$Kind(wish), Self::$Kind(actual)) => {
                            let _ = $state;
                            <$Type as Thing>::is_met(wish, actual)
                        }
                    )?)+
                    (wish, actual) => wish == actual,
                }
            }

            /// Returns the state as a JSON object. `secret`: the other side of the
            /// change is secret, so this one is too.
            pub fn json(&self, secret: bool) -> Value {
                match self {
                    $($(
                        Self::$Kind(state) => {
                            let _ = $state;
                            <$Type as Thing>::json(state)
                        }
                    )?)+
                    state => state.plain_json(secret),
                }
            }

            /// Returns the state as a word.
            fn noun(&self) -> String {
                match self {
                    $($(
                        Self::$Kind(_) => {
                            let _ = $state;
                            format!("a {}", <$Type as Thing>::NAME)
                        }
                    )?)+
                    state => state.plain_noun().to_owned(),
                }
            }
        }

        impl Key {
            /// Returns the kind of the key, the part before the colon.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$Kind(_) => <$Type as Thing>::NAME,)+ }
            }

            fn name(&self) -> String {
                match self { $(Self::$Kind(key) => <$Type as Thing>::name(key),)+ }
            }

            /// Tells whether bringing this key about may change others.
            pub fn has_side_effects(&self) -> bool {
                match self { $(Self::$Kind(_) => <$Type as Thing>::HAS_SIDE_EFFECTS,)+ }
            }

            /// Returns the paths at which bringing it about leaves something, so
            /// that what stood there can be kept and put back.
            pub fn affected_paths(&self) -> Vec<PathBuf> {
                match self { $(Self::$Kind(key) => <$Type as Thing>::affected_paths(key),)+ }
            }

            /// Returns what a planned change of it makes of the content of a file.
            fn edit(&self, after: &State, content: Option<Content>) -> Option<Content> {
                match self { $(Self::$Kind(key) => <$Type as Thing>::edit(key, after, content),)+ }
            }

            /// Says what a change does, each in a few words.
            pub fn describe(&self, before: &State, after: &State) -> Vec<String> {
                let words = match self {
                    $(Self::$Kind(key) => <$Type as Thing>::describe(key, before, after),)+
                };
                words.unwrap_or_else(|| match (before, after) {
                    (State::Absent, _) => Vec::new(),
                    (before, State::Absent) => vec![format!("now {}", before.noun())],
                    (before, after) => vec![format!("{} → {}", before.noun(), after.noun())],
                })
            }

            /// Tells whether it is `now` as it `was` planned, the earlier changes of
            /// the same run aside: a table is outdated by its new source, a service
            /// by its new files, and known by its new unit.
            pub fn is_unchanged_since_plan(&self, was: &State, now: &State) -> bool {
                match self { $(Self::$Kind(_) => <$Type as Thing>::is_unchanged(was, now),)+ }
            }

            /// Tells how a change of it is undone that was to bring it from `before`
            /// to `after`, and it is `now`. `overlay` shows the files as they will be.
            pub fn undo(
                &self,
                before: &State,
                after: &State,
                now: &State,
                overlay: &Overlay<'_>,
            ) -> Result<Undo> {
                match self {
                    $(Self::$Kind(key) => <$Type as Thing>::undo(key, before, after, now, overlay),)+
                }
            }

            /// Puts right what a killed run left between its states.
            pub fn cleanup(&self, host: &Host) -> Result<()> {
                match self { $(Self::$Kind(key) => <$Type as Thing>::cleanup_key(host, key),)+ }
            }
        }

        /// Looks at the host: the state that `key` is in.
        pub fn observe(host: &Host, key: &Key) -> Result<State> {
            match key { $(Key::$Kind(key) => <$Type as Thing>::observe(host, key),)+ }
        }

        /// Brings each key of one step, all of one kind, from its first state to its
        /// second. `say` is told what takes long, and what is worth a warning.
        pub fn write(
            host: &Host,
            batch: &[(&Key, &State, &State)],
            say: &mut dyn FnMut(Said<'_>),
        ) -> Result<()> {
            match batch.first() {
                None => Ok(()),
                $(
                    Some((Key::$Kind(_), ..)) => {
                        let of_kind = batch.iter().filter_map(|(key, before, after)| match key {
                            Key::$Kind(key) => Some((key, *before, *after)),
                            _ => None,
                        });
                        <$Type as Thing>::write_all(host, &of_kind.collect::<Vec<_>>(), say)
                    }
                )+
            }
        }

        /// Puts right what a killed run left half done and no plan would show. `say`
        /// is told what takes long.
        pub fn cleanup(host: &Host, say: &mut dyn FnMut(&str)) -> Result<()> {
            $(<$Type as Thing>::cleanup(host, say)?;)+
            Ok(())
        }
    };
}

pub(super) use {kinds, resources, things};
