//! Finds forwarding loops.

use std::collections::HashMap;

use super::{Address, directory::Directory};

/// The progress of the search at an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// On the path from the start to the current address.
    OnPath,
    /// Fully searched: all loops on paths from here are found.
    Done,
}

/// Returns each forwarding loop as a list of addresses. The first address is repeated at the end.
pub(super) fn find(directory: &Directory) -> Vec<Vec<Address>> {
    let mut seen: HashMap<Address, Seen> = HashMap::new();
    let mut circles = Vec::new();
    for forward in &directory.forwards {
        for start in forward.source.value.addresses(&directory.domains) {
            search(directory, start, &mut seen, &mut circles);
        }
    }
    circles
}

/// Searches all paths from `start`, depth first, with an explicit stack.
fn search(
    directory: &Directory,
    start: Address,
    seen: &mut HashMap<Address, Seen>,
    circles: &mut Vec<Vec<Address>>,
) {
    if seen.contains_key(&start) {
        return;
    }
    seen.insert(start.clone(), Seen::OnPath);
    let mut path = vec![(start.clone(), directory.next(&start))];
    while let Some((address, ways)) = path.last_mut() {
        let Some(next) = ways.pop() else {
            seen.insert(address.clone(), Seen::Done);
            path.pop();
            continue;
        };
        match seen.get(&next) {
            Some(Seen::Done) => {}
            Some(Seen::OnPath) => {
                let from = path.iter().position(|(address, _)| *address == next).unwrap_or(0);
                let mut circle: Vec<Address> =
                    path[from..].iter().map(|(address, _)| address.clone()).collect();
                circle.push(next);
                circles.push(circle);
            }
            None => {
                seen.insert(next.clone(), Seen::OnPath);
                let ways = directory.next(&next);
                path.push((next, ways));
            }
        }
    }
}
