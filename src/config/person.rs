//! Who sits here, when nobody says so: the operating system's user.

use super::Environment;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Person;

/// The account's name as the user database knows it, else as the environment says, else its number.
pub(super) fn operating_system_user(env: Environment<'_>) -> String {
    let uid = rustix::process::getuid().as_raw();
    let database = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_of(uid, &database)
        .or_else(|| {
            ["USER", "LOGNAME"]
                .iter()
                .find_map(|name| env(name).filter(|n| !n.is_empty()))
        })
        .unwrap_or_else(|| format!("uid-{uid}"))
}

/// The name that `/etc/passwd` (`name:password:uid:…`) gives a number.
fn name_of(uid: u32, database: &str) -> Option<String> {
    let of_line = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let number = fields.nth(1)?.parse::<u32>().ok()?;
        (number == uid).then(|| name.to_owned())
    };
    database.lines().find_map(of_line)
}

/// The name as it may stand in a record: not empty, short, nothing hidden in it.
pub(super) fn checked(name: &str) -> Result<Person> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        return Err(
            Error::new(ErrorKind::Usage, format!("{name:?} is no name for a person"))
                .hint("--as takes 1 to 64 characters without control characters"),
        );
    }
    Ok(Person::from(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_names_a_number() {
        let database =
            "root:x:0:0:root:/root:/bin/sh\nhr.chen:x:1000:1000::/home/hr.chen:/bin/bash\n:x:7:7\nbroken\n";
        assert_eq!(name_of(1000, database).as_deref(), Some("hr.chen"));
        assert_eq!(name_of(7, database), None);
        assert_eq!(name_of(1, database), None);
    }

    #[test]
    fn a_name_is_visible_and_short() {
        assert!(checked("陈敏 (HR)").is_ok());
        for bad in ["", "  ", "a\u{7}b", "a\nb", &"x".repeat(65)] {
            assert!(checked(bad).is_err(), "{bad:?} passed");
        }
    }
}
