//! Who plays: every feature on its own, or groups of features switched together.

use crate::data::{did_you_mean, list};
use crate::design::{Hierarchy, Nested};
use crate::{Error, Result};
use serde_json::Value;
use std::collections::BTreeMap;

/// The players of a game and the features each one holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Players {
    names: Vec<String>,
    /// `[features]`: the player that holds each feature.
    player_of: Vec<u32>,
}

impl Players {
    /// Every feature is a player.
    pub fn features(names: &[String]) -> Self {
        Self { names: names.to_vec(), player_of: (0..names.len() as u32).collect() }
    }

    /// Each group (name → features) is one player, in the order given; features in no group are players of their own, after the groups.
    ///
    /// # Errors
    /// An unknown feature, a feature in two groups, an empty group.
    pub fn grouped(features: &[String], groups: &[(String, Vec<String>)]) -> Result<Self> {
        let index: BTreeMap<&str, usize> = features.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
        let mut owner: Vec<Option<u32>> = vec![None; features.len()];
        let mut names = Vec::new();
        for (name, members) in groups {
            if members.is_empty() {
                return Err(Error::input(format!("group `{name}` is empty")).hint("name at least one feature in it"));
            }
            for member in members {
                let Some(&feature) = index.get(member.as_str()) else {
                    return Err(Error::input(format!(
                        "group `{name}` names `{member}`, which is no feature of the model"
                    ))
                    .hint(format!("features are: {}", shorten(features))));
                };
                if let Some(other) = owner[feature] {
                    return Err(Error::input(format!(
                        "feature `{member}` is in group `{}` and in group `{name}`",
                        names[other as usize]
                    ))
                    .hint("a feature belongs to one group"));
                }
                owner[feature] = Some(names.len() as u32);
            }
            names.push(name.clone());
        }
        let player_of = owner
            .into_iter()
            .zip(features)
            .map(|(owner, feature)| {
                owner.unwrap_or_else(|| {
                    names.push(feature.clone());
                    names.len() as u32 - 1
                })
            })
            .collect();
        Ok(Self { names, player_of })
    }

    /// Groups of these players, and groups of groups: a text is a player's name, a list or an object (whose keys are for the reader) a group. A
    /// group of one is that one.
    ///
    /// # Errors
    /// An unknown player, a player in two places, one in none, an empty group, anything but texts, lists and objects.
    pub fn hierarchy(&self, groups: &Value) -> Result<Hierarchy> {
        let mut placed = vec![false; self.names.len()];
        let nested = self.nested(groups, &mut placed)?;
        let missing: Vec<&String> =
            self.names.iter().zip(placed).filter(|(_, placed)| !placed).map(|(name, _)| name).collect();
        if !missing.is_empty() {
            return Err(Error::input(format!("the hierarchy has no place for {}", list(&missing)))
                .hint("name every player, those of no group at the top"));
        }
        Hierarchy::new(self.names.len(), &nested)
    }

    fn nested(&self, part: &Value, placed: &mut [bool]) -> Result<Nested> {
        let mut group = |parts: Vec<&Value>| {
            parts.into_iter().map(|part| self.nested(part, placed)).collect::<Result<_>>().map(Nested::Group)
        };
        let name = match part {
            Value::Array(parts) => return group(parts.iter().collect()),
            Value::Object(parts) => return group(parts.values().collect()),
            Value::String(name) => name,
            other => {
                return Err(Error::input(format!("the hierarchy has {other} in it"))
                    .hint("it is made of players' names, lists and tables"));
            }
        };
        let Some(player) = self.names.iter().position(|known| known == name) else {
            let nearest = did_you_mean(name, self.names.iter().map(String::as_str));
            return Err(Error::input(format!("the hierarchy names `{name}`, which is no player{nearest}"))
                .hint(format!("players are {}", shorten(&self.names))));
        };
        if std::mem::replace(&mut placed[player], true) {
            return Err(Error::input(format!("the hierarchy has `{name}` twice")).hint("a player is in one place"));
        }
        Ok(Nested::Player(player))
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// `[features]`: the player of each feature.
    pub fn player_of(&self) -> &[u32] {
        &self.player_of
    }
}

fn shorten(names: &[String]) -> String {
    let shown = names.iter().take(8).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > 8 { format!("{shown}, … ({} in all)", names.len()) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &[&str]) -> Vec<String> {
        all.iter().map(|s| s.to_string()).collect()
    }

    #[test]
    fn groups_come_first_and_the_rest_play_alone() {
        let features = names(&["age", "sex=f", "sex=m", "hours"]);
        let players = Players::grouped(&features, &[("sex".into(), names(&["sex=f", "sex=m"]))]).unwrap();
        assert_eq!(players.names(), ["sex", "age", "hours"]);
        assert_eq!(players.player_of(), [1, 0, 0, 2]);
    }

    #[test]
    fn a_feature_in_two_groups_is_refused() {
        let features = names(&["a", "b"]);
        let groups = [("g".into(), names(&["a"])), ("h".into(), names(&["b", "a"]))];
        let message = Players::grouped(&features, &groups).unwrap_err().to_string();
        assert_eq!(message, "feature `a` is in group `g` and in group `h`");
    }

    #[test]
    fn a_hierarchy_is_made_of_names() {
        let players = Players::features(&names(&["age", "sex", "job", "pay"]));
        let of = |json: &str| players.hierarchy(&serde_json::from_str(json).unwrap()).map_err(|e| e.to_string());
        let group = |parts: Vec<Nested>| Nested::Group(parts);
        let expected = group(vec![
            group(vec![Nested::Player(2), Nested::Player(3)]),
            group(vec![Nested::Player(0), Nested::Player(1)]),
        ]);
        let expected = Hierarchy::new(4, &expected);
        assert_eq!(of(r#"{"money": ["job", "pay"], "person": ["age", ["sex"]]}"#), expected.map_err(|e| e.to_string()));
        assert!(of(r#"["age", "sex", "jop", "pay"]"#).unwrap_err().contains("did you mean `job`"));
        assert!(of(r#"["age", ["sex", "age"], "job"]"#).unwrap_err().contains("`age` twice"));
        assert_eq!(of(r#"[["age"], "pay"]"#).unwrap_err(), "the hierarchy has no place for `sex`, `job`");
        assert!(of(r#"["age", "sex", "job", "pay", []]"#).unwrap_err().contains("is empty"));
        assert!(of(r#"["age", 3]"#).unwrap_err().contains("has 3 in it"));
    }

    #[test]
    fn an_unknown_feature_is_named() {
        let groups = [("g".into(), names(&["c"]))];
        let message = Players::grouped(&names(&["a"]), &groups).unwrap_err().to_string();
        assert_eq!(message, "group `g` names `c`, which is no feature of the model");
    }
}
