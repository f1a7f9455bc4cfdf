//! Whose the live bytes are, by the functions that asked for them.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

/// What is live when the profile ends, by owner, in bytes. What belongs to none of these functions has the owner `rest`.
///
/// An owner is the one whose function stands innermost in the stack that allocated.
pub(crate) fn live_bytes(profile: &Path, owners: &[(&'static str, &[&str])]) -> BTreeMap<&'static str, u64> {
    let profile: Value = serde_json::from_slice(&std::fs::read(profile).unwrap()).unwrap();
    let frames = profile["ftbl"].as_array().unwrap();
    let mut live = BTreeMap::new();
    for point in profile["pps"].as_array().unwrap() {
        let stack = point["fs"].as_array().unwrap().iter();
        let mut stack = stack.map(|frame| frames[frame.as_u64().unwrap() as usize].as_str().unwrap());
        let owner = stack.find_map(|frame| owner_of(frame, owners)).unwrap_or("rest");
        *live.entry(owner).or_default() += point["eb"].as_u64().unwrap();
    }
    live
}

fn owner_of(frame: &str, owners: &[(&'static str, &[&str])]) -> Option<&'static str> {
    let is_in = |functions: &[&str]| functions.iter().any(|function| frame.contains(function));
    owners
        .iter()
        .find(|(_, functions)| is_in(functions))
        .map(|(owner, _)| *owner)
}
