use super::*;

fn settings() -> GrpoSettings {
    GrpoSettings {
        epsilon: 0.2,
        epsilon_high: 0.28,
        beta: 0.1,
        ..GrpoSettings::default()
    }
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-6, "{a} is not {b}");
}

/// By hand: mean 0.5, sample deviation sqrt((0.25 + 0.25 + 0 + 0) / 3) = 0.4082483.
#[test]
fn advantages_by_hand() {
    let rewards = [1.0, 0.0, 0.5, 0.5];
    let scaled = advantages(&rewards, Scaling::Std);
    close(scaled[0], 0.5 / 0.408_348_3);
    close(scaled[1], -scaled[0]);
    close(scaled[2], 0.0);
    assert_eq!(advantages(&rewards, Scaling::None), [0.5, -0.5, 0.0, 0.0]);
    // A group without differences teaches nothing.
    advantages(&[0.7; 3], Scaling::Std)
        .into_iter()
        .for_each(|a| close(a, 0.0));
}

/// By hand. Ratio e^0.1 = 1.1051709, inside both bounds. k3 of reference - now = -0.2: e^-0.2 + 0.2 - 1 = 0.0187308;
/// its slope 1 - e^-0.2 = 0.1812692.
#[test]
fn a_token_inside_the_bounds() {
    let loss = token_loss(&settings(), 2.0, -1.0, -1.1, -1.2);
    close(loss.divergence, 0.018_730_8);
    close(loss.value, -2.210_341_8 + 0.001_873_08);
    close(loss.slope, -2.210_341_8 + 0.018_126_92);
    assert!(!loss.clipped);
}

/// By hand. Ratio e^0.4 = 1.4918247, above 1.28: with A > 0 it no longer counts; with A < 0 it still does. Ratio e^-0.4 =
/// 0.67032, below 0.8: the other way round.
#[test]
fn a_token_outside_the_bounds() {
    let plain = GrpoSettings {
        beta: 0.0,
        ..settings()
    };
    let up = token_loss(&plain, 1.0, -0.6, -1.0, 0.0);
    assert!(up.clipped);
    close(up.value, -1.28);
    close(up.slope, 0.0);
    let up_worse = token_loss(&plain, -1.0, -0.6, -1.0, 0.0);
    assert!(!up_worse.clipped);
    close(up_worse.slope, 1.491_824_7);
    let down_worse = token_loss(&plain, -1.0, -1.4, -1.0, 0.0);
    assert!(down_worse.clipped);
    close(down_worse.value, 0.8);
    let down = token_loss(&plain, 1.0, -1.4, -1.0, 0.0);
    close(down.slope, -0.670_320_05);
}

/// The slope is that of the value's central differences, everywhere but at the bounds.
#[test]
fn the_slope_is_that_of_the_differences() {
    let settings = settings();
    for advantage in [-1.5, -0.2, 0.7] {
        for now in [-3.0, -1.05, -0.9, -0.1] {
            let at = |now: f64| token_loss(&settings, advantage, now, -1.0, -0.8).value;
            let slope = (at(now + 1e-5) - at(now - 1e-5)) / 2e-5;
            close(token_loss(&settings, advantage, now, -1.0, -0.8).slope, slope);
        }
    }
}

/// By hand: 2 answers; 5 chosen tokens of 50 allowed.
#[test]
fn averaging_by_hand() {
    let with = |loss| GrpoSettings {
        loss,
        longest_answer: 50,
        ..settings()
    };
    close(weight(&with(LossType::Grpo), 5, 2), 0.1);
    close(weight(&with(LossType::DrGrpo), 5, 2), 0.01);
}

fn task(id: usize) -> Task {
    Task {
        id: id.to_string(),
        subject: id.to_string(),
        prompt: Vec::new(),
        lines: vec![1, 2],
        text: String::new(),
        score: 3,
        evidence: [1].into(),
    }
}

#[test]
fn each_task_comes_once_before_one_comes_again() {
    let tasks: Vec<Task> = (0..9).map(task).collect();
    let seed = Seed::root(3);
    let all = drawn(&tasks, 0..18, seed);
    for round in all.chunks(9) {
        let different: std::collections::BTreeSet<&str> = round.iter().map(|t| t.id.as_str()).collect();
        assert_eq!(different.len(), 9);
    }
    assert_ne!(all[..9], all[9..]);
    // The same whichever steps they are drawn in.
    let steps: Vec<&Task> = (0..6)
        .flat_map(|step| drawn(&tasks, step * 3..step * 3 + 3, seed))
        .collect();
    assert_eq!(steps, all);
}
