//! Mail that would go round in a circle.

use std::collections::HashMap;

use super::{Address, directory::Directory};

/// How far the search has come with an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// On the way from the start to here.
    OnPath,
    /// All ways from it are known to end.
    Done,
}

/// Returns each circle of addresses that forward to one another, the first
/// address again at its end.
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

/// Walks every way from `start`, in depth first, on a stack of its own.
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
                let from = path
                    .iter()
                    .position(|(address, _)| *address == next)
                    .unwrap_or(0);
                let mut circle: Vec<Address> = path[from..]
                    .iter()
                    .map(|(address, _)| address.clone())
                    .collect();
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
