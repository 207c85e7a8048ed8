//! Turns the list of kinds into the closed enums that plans, journals and
//! reports use.

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

/// Concatenates the fields of all kinds.
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

/// Defines `Resource`, `Key` and `State` from the list
/// of kinds.
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

/// Defines the enum of declarations.
macro_rules! resources {
    ($($Kind:ident($Type:ty),)+) => {
        /// The declaration of one step of a playbook.
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
            /// Reads the fields of a step that declares it by `word`, after its
            /// templates are rendered.
            pub(crate) fn decode(
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

            /// Returns its keys with the states that they should be in.
            pub(crate) fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
                match self { $(Self::$Kind(it) => it.targets(overlay),)+ }
            }

            /// Rejects, before anything is changed, what apply would fail at.
            pub(crate) fn reject_obstacles(&self, overlay: &Overlay<'_>) -> Result<()> {
                match self { $(Self::$Kind(it) => it.reject_obstacles(overlay),)+ }
            }

            /// Explains a target, where the states alone do not.
            pub(crate) fn reason(&self, target: &Target) -> Option<String> {
                match self { $(Self::$Kind(it) => it.reason(target),)+ }
            }

            /// Returns the keys that a service loads if this step notifies it.
            pub(crate) fn loadable(&self) -> Vec<Key> {
                match self { $(Self::$Kind(it) => it.loadable(),)+ }
            }

            /// Returns the path and content of a file that is declared whole,
            /// and whether it is secret.
            pub(crate) fn declared_file(&self) -> Option<(&Path, &Content, bool)> {
                match self { $(Self::$Kind(it) => it.declared_file(),)+ }
            }

            /// Returns the key of the one thing that it declares and that can
            /// be removed again, if any.
            pub(crate) fn key(&self) -> Option<Key> {
                match self { $(Self::$Kind(it) => it.key(),)+ }
            }

            /// Returns what a step that declares something absent removes.
            pub(crate) fn withdrawn(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
                match self { $(Self::$Kind(it) => it.withdrawn(overlay),)+ }
            }

            /// Returns the fields that locate what a step with `word` left on
            /// the host; `None` where it stays.
            fn found_by(word: &str) -> Option<&'static [&'static str]> {
                $(
                    if <$Type as Declaration>::WORDS.iter().any(|it| it.name == word) {
                        return <$Type as Declaration>::found_by(word);
                    }
                )+
                None
            }

            /// Reads such fields: returns what a step left, and how to remove
            /// it.
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

            /// Returns whether the program that reads it checks it once a
            /// second, so that what follows a change has to wait.
            pub(crate) fn is_polled(&self) -> bool {
                match self { $(Self::$Kind(it) => it.is_polled(),)+ }
            }

            /// Returns the argument lists of the programs that planning runs.
            pub(crate) fn asks(&self) -> Vec<&[String]> {
                match self { $(Self::$Kind(it) => it.asks(),)+ }
            }

            /// Returns the programs that judge files before one of them is put
            /// in place, and the files.
            pub(crate) fn staged_checks(&self) -> Option<(&[Check], &[Key])> {
                match self { $(Self::$Kind(it) => it.staged_checks(),)+ }
            }
        }
    };
}

/// Defines the enums of keys and states.
macro_rules! things {
    ($($(#[$key:meta])* $Kind:ident($Type:ty) $(= $state:literal)?,)+) => {
        /// Names one thing on a host: all that is needed to find and observe
        /// it. Shown as `kind:name`.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Key {
            $(
                #[doc = concat!("See `", stringify!($Type), "`.")]
                $(#[$key])*
                $Kind(<$Type as Thing>::Key),
            )+
        }

        /// The state of a [`Key`]. On disk the content of a file is stored
        /// apart and named by a `B` of another type ([`Stored`]).
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum State<B = Blob> {
            /// It does not exist.
            Absent,
            /// A regular file.
            File {
                /// The content, or its name.
                blob: B,
                /// Owner, group and mode.
                ownership: Ownership,
            },
            /// A directory.
            Directory(Ownership),
            /// A symbolic link.
            Link {
                /// The target, as written.
                target: PathBuf,
            },
            /// A FIFO, where none belongs.
            Fifo(Ownership),
            /// A socket or a device, where none belongs.
            Special,
            /// The original of a path is kept.
            Kept,
            /// A program has run, or nothing is left to do.
            Done,
            $($(
                #[doc = concat!("See `", stringify!($Type), "`.")]
                #[serde(rename = $state)]
                $Kind(<$Type as Thing>::State),
            )?)+
        }

        impl<B> State<B> {
            /// Returns whether there is something that could be removed.
            pub(crate) fn is_there(&self) -> bool {
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

            /// Replaces the content of a file by the result of `map`.
            pub(crate) fn map_blob<C, E>(
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
            /// Returns whether `actual` meets this state as a wish.
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

            /// Returns the state as a JSON object. `secret`: the other state of
            /// the change is secret, so this one is too.
            pub(crate) fn json(&self, secret: bool) -> Value {
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
            pub(crate) fn kind(&self) -> &'static str {
                match self { $(Self::$Kind(_) => <$Type as Thing>::NAME,)+ }
            }

            fn name(&self) -> String {
                match self { $(Self::$Kind(key) => <$Type as Thing>::name(key),)+ }
            }

            /// Returns whether making this key may change others.
            pub(crate) fn has_side_effects(&self) -> bool {
                match self { $(Self::$Kind(_) => <$Type as Thing>::HAS_SIDE_EFFECTS,)+ }
            }

            /// Returns the paths that making it changes, so that their former
            /// states can be kept and restored.
            pub(crate) fn affected_paths(&self) -> Vec<PathBuf> {
                match self { $(Self::$Kind(key) => <$Type as Thing>::affected_paths(key),)+ }
            }

            /// Returns the content of a file after a planned change of this
            /// key.
            fn edit(&self, after: &State, content: Option<Content>) -> Option<Content> {
                match self { $(Self::$Kind(key) => <$Type as Thing>::edit(key, after, content),)+ }
            }

            /// Describes a change, each difference in a few words.
            pub(crate) fn describe(&self, before: &State, after: &State) -> Vec<String> {
                let words = match self {
                    $(Self::$Kind(key) => <$Type as Thing>::describe(key, before, after),)+
                };
                words.unwrap_or_else(|| match (before, after) {
                    (State::Absent, _) => Vec::new(),
                    (before, State::Absent) => vec![format!("now {}", before.noun())],
                    (before, after) => vec![format!("{} → {}", before.noun(), after.noun())],
                })
            }

            /// Returns whether the key is `now` as it `was` planned, apart from
            /// the effects of earlier changes of the same run: a new source
            /// outdates a table, new files outdate a service, and a new unit
            /// makes it known.
            pub(crate) fn is_unchanged_since_plan(&self, was: &State, now: &State) -> bool {
                match self { $(Self::$Kind(_) => <$Type as Thing>::is_unchanged(was, now),)+ }
            }

            /// Returns how to undo a change from `before` to `after`, given
            /// that the key is `now`. `overlay` shows the files as they will
            /// be.
            pub(crate) fn undo(
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

            /// Repairs what an interrupted run left between its states.
            pub(crate) fn cleanup(&self, host: &Host) -> Result<()> {
                match self { $(Self::$Kind(key) => <$Type as Thing>::cleanup_key(host, key),)+ }
            }
        }

        /// Reads the state of `key` from the host.
        pub fn observe(host: &Host, key: &Key) -> Result<State> {
            match key { $(Key::$Kind(key) => <$Type as Thing>::observe(host, key),)+ }
        }

        /// Changes the keys of one step, all of one kind, from their former
        /// states to the planned ones. Calls `say` before slow work and with
        /// warnings.
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

        /// Repairs what an interrupted run left half done and no plan would
        /// show. Calls `say` before slow work.
        pub(crate) fn cleanup(host: &Host, say: &mut dyn FnMut(&str)) -> Result<()> {
            $(<$Type as Thing>::cleanup(host, say)?;)+
            Ok(())
        }
    };
}

pub(super) use {kinds, resources, things};
