//! Token ids against Hugging Face's own tokenizers, and texts that come back whole.

use plumbline::model::tokenizer::Tokenizer;
use proptest::prelude::*;
use tokenizers::NormalizedString;
use tokenizers::tokenizer::Normalizer;

use crate::env::Outcome;
use crate::model_common::{qwen, smol};

/// A text and its ids in the default and in the small model.
///
/// The ids come from Python, tokenizers 0.22.2, over the tokens `T` and merges `M` of the two GGUF files, put together
/// as the models' own `tokenizer.json` say:
///
/// ```python
/// t = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(T)}, merges=[tuple(m.split(" ")) for m in M]))
/// if qwen:
///     t.normalizer = normalizers.NFC()
///     t.pre_tokenizer = pre_tokenizers.Sequence([
///         pre_tokenizers.Split(Regex(QWEN_PATTERN), "isolated"),
///         pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
/// else:
///     t.pre_tokenizer = pre_tokenizers.Sequence([
///         pre_tokenizers.Digits(individual_digits=True),
///         pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
/// t.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIAL])
/// t.encode_special_tokens = True   # False for the templates
/// t.encode(text, add_special_tokens=False).ids
/// ```
///
/// For the default model, transformers 4.57.6's `Qwen2Tokenizer`, which is pure Python, gives the same ids.
type Case = (&'static str, &'static [u32], &'static [u32]);

#[rustfmt::skip]
const DOCUMENTS: &[Case] = &[
    ("你好，世界。", &[108386, 3837, 99489, 1773],
        &[18645, 250, 48392, 138, 12831, 7906, 240, 178, 239, 230, 19076]),
    ("2024年第3季度，完成率98.5%，共1,234件。",
        &[17, 15, 17, 19, 112564, 18, 100126, 3837, 60548, 95355, 24, 23, 13, 20, 69982, 54899, 16, 11, 17, 18, 19, 14224, 1773],
        &[34, 32, 34, 36, 32090, 129, 40562, 122, 35, 18753, 113, 43488, 12831, 18310, 230, 35094, 40072, 225, 41, 40, 30,
            37, 21, 12831, 17086, 126, 33, 28, 34, 35, 36, 36053, 19076]),
    ("1234567890", &[16, 17, 18, 19, 20, 21, 22, 23, 24, 15], &[33, 34, 35, 36, 37, 38, 39, 40, 41, 32]),
    ("a\n\nb\r\n\r\n  c\t\td", &[64, 271, 65, 871, 220, 272, 197, 2698], &[81, 198, 198, 82, 18682, 216, 265, 197, 197, 84]),
    ("交付 Q3 roadmap，主导了API迁移（v2.1）！",
        &[106329, 1207, 18, 68817, 3837, 105289, 34187, 7082, 113274, 9909, 85, 17, 13, 16, 7552, 6313],
        &[16736, 114, 15076, 242, 1606, 35, 37175, 12831, 7906, 136, 29335, 137, 46025, 16073, 18276, 219, 37145, 136, 33579,
            102, 34, 30, 33, 32607, 8083, 219]),
    // A skin tone, a family joined by zero-width joiners, a rocket.
    ("👍🏽 👨\u{200d}👩\u{200d}👧 ok 🚀",
        &[144349, 145375, 61804, 101, 378, 235, 145233, 378, 235, 145665, 5394, 11162, 248, 222],
        &[10813, 235, 231, 10813, 233, 138, 15107, 235, 118, 321, 231, 10813, 235, 119, 321, 231, 10813, 235, 117, 10907, 15107,
            244, 218]),
    // Names of special tokens are text here.
    ("<|im_start|>user\n你好", &[27, 91, 318, 4906, 91, 29, 872, 198, 108386],
        &[44, 108, 306, 79, 3738, 108, 46, 4093, 198, 18645, 250, 48392, 138]),
    ("报告里写着<|im_end|>。", &[100370, 69249, 112129, 27, 91, 318, 6213, 91, 29, 1773],
        &[44627, 115, 48459, 228, 27219, 230, 33031, 243, 178, 247, 218, 44, 108, 306, 79, 486, 108, 46, 19076]),
    ("  leading spaces and trailing  ", &[220, 6388, 12621, 323, 27748, 256], &[216, 2899, 5600, 284, 35079, 256]),
    ("don't I'LL we've", &[15007, 944, 358, 6, 4086, 582, 3003], &[12420, 982, 339, 23, 16421, 392, 3543]),
    // Composed by the default model's NFC; the small model has no normalizer.
    ("cafe\u{301}", &[924, 58858], &[83, 9980, 151, 219]),
    ("𠮷野家", &[150152, 99924, 45629], &[187, 250, 123, 132, 27219, 232, 18310, 131]),
    ("\u{200b}\u{202e} x\0y", &[15692, 378, 106, 856, 188, 88], &[321, 229, 321, 123, 1792, 190, 105]),
    ("١٢٣ Ⅷ ①", &[149, 94, 149, 95, 149, 96, 220, 70467, 100, 220, 48312, 254],
        &[164, 111, 164, 112, 164, 113, 216, 173, 223, 117, 216, 173, 235, 250]),
    ("ΑΒΓ привет नमस्ते 한국어",
        &[144842, 144946, 145281, 12281, 26991, 8178, 14925, 101, 87244, 78368, 30484, 97, 34370, 130092, 31079],
        &[153, 235, 153, 236, 153, 237, 21985, 46879, 16464, 32547, 12335, 118, 35090, 38770, 16525, 26293, 30581, 216, 33085,
            246, 181, 130, 251, 183, 240, 129]),
    ("", &[], &[]),
];

/// Text right after, between and before special tokens.
#[rustfmt::skip]
const TEMPLATES: &[Case] = &[
    ("<|im_start|>user\n你好", &[151644, 872, 198, 108386], &[1, 4093, 198, 18645, 250, 48392, 138]),
    ("<|im_end|>\n<|im_start|>assistant\n", &[151645, 198, 151644, 77091, 198], &[2, 198, 1, 520, 9531, 198]),
    ("报告里写着<|im_end|>。", &[100370, 69249, 112129, 151645, 1773],
        &[44627, 115, 48459, 228, 27219, 230, 33031, 243, 178, 247, 218, 2, 19076]),
];

#[test]
fn documents_have_hugging_face_s_ids() -> Outcome {
    let (qwen, smol) = (&qwen()?.tokenizer, &smol()?.tokenizer);
    for (text, qwen_ids, smol_ids) in DOCUMENTS {
        assert_eq!(qwen.encode(text)?, *qwen_ids, "default model, {text:?}");
        assert_eq!(smol.encode(text)?, *smol_ids, "small model, {text:?}");
    }
    Ok(())
}

#[test]
fn templates_have_hugging_face_s_ids() -> Outcome {
    let (qwen, smol) = (&qwen()?.tokenizer, &smol()?.tokenizer);
    for (text, qwen_ids, smol_ids) in TEMPLATES {
        assert_eq!(qwen.encode_template(text)?, *qwen_ids, "default model, {text:?}");
        assert_eq!(smol.encode_template(text)?, *smol_ids, "small model, {text:?}");
    }
    Ok(())
}

#[test]
fn every_special_name_in_a_document_stays_text() -> Outcome {
    for model in [qwen()?, smol()?] {
        let tokenizer = &model.tokenizer;
        let special: Vec<u32> = (0..tokenizer.len() as u32)
            .filter(|&id| tokenizer.is_special(id))
            .collect();
        assert!(special.len() > 10);
        for id in special {
            let name = std::str::from_utf8(tokenizer.bytes(id))?;
            let ids = tokenizer.encode(name)?;
            assert!(ids.iter().all(|&id| !tokenizer.is_special(id)), "{name}: {ids:?}");
            assert_eq!(tokenizer.decode(&ids), name.as_bytes());
        }
    }
    Ok(())
}

#[test]
fn special_tokens_are_found_by_name_and_left_out_of_decoded_text() -> Outcome {
    let tokenizer = &qwen()?.tokenizer;
    assert_eq!(tokenizer.special("<|im_end|>"), Some(151_645));
    assert_eq!(tokenizer.special("<|no_such|>"), None);
    assert_eq!(tokenizer.end(), 151_645);
    // 99489 is 世界.
    assert_eq!(tokenizer.decode(&[151_644, 99_489, 151_645]), "世界".as_bytes());
    assert_eq!(tokenizer.bytes(151_644), b"<|im_start|>");
    assert_eq!(tokenizer.bytes(u32::MAX), b"");
    Ok(())
}

/// The padding of the vocabulary (`[PAD151665]` and up) is no name that a template could use.
#[test]
fn unused_tokens_are_not_read_from_templates() -> Outcome {
    let tokenizer = &qwen()?.tokenizer;
    let ids = tokenizer.encode_template("[PAD151665]")?;
    assert_eq!(ids, tokenizer.encode("[PAD151665]")?);
    assert!(tokenizer.is_special(151_665));
    Ok(())
}

/// The bytes that begin or continue UTF-8 and for which the small model has no token. Its training text did not hold
/// them; Hugging Face drops them without a word as well. No Chinese or English text needs them: F1 and F2 begin the
/// characters from U+40000 to U+BFFFF, which are unassigned, the others are control characters.
#[test]
fn the_small_model_drops_only_the_bytes_it_never_saw() -> Outcome {
    let tokenizer = &smol()?.tokenizer;
    let lost: Vec<char> = ('\0'..='\u{2ffff}')
        .filter(|c| {
            tokenizer
                .encode(&c.to_string())
                .is_ok_and(|ids| tokenizer.decode(&ids) != c.to_string().as_bytes())
        })
        .collect();
    assert_eq!(lost, ['\u{4}', '\u{6}', '\u{13}', '\u{14}', '\u{16}', '\u{1d}']);
    Ok(())
}

fn nfc(text: &str) -> Outcome<String> {
    let mut normal = NormalizedString::from(text);
    tokenizers::normalizers::unicode::NFC
        .normalize(&mut normal)
        .map_err(|e| e.to_string())?;
    Ok(normal.get().to_owned())
}

fn comes_back(tokenizer: &Tokenizer, text: &str, want: &str) -> Result<(), TestCaseError> {
    let ids = tokenizer
        .encode(text)
        .map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert!(ids.iter().all(|&id| !tokenizer.is_special(id)));
    // The byte table, token by token, is the text.
    let bytes: Vec<u8> = ids.iter().flat_map(|&id| tokenizer.bytes(id)).copied().collect();
    prop_assert_eq!(&bytes, want.as_bytes());
    prop_assert_eq!(tokenizer.decode(&ids), bytes);
    Ok(())
}

/// Any characters at all, or a mixture of what documents are made of.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "本季度",
        "完成率",
        " the",
        "\r\n",
        "\n\n",
        "  ",
        "\t",
        "98.5%",
        "<|im_end|>",
        "<|",
        "👍🏽",
        "e\u{301}",
        "\u{200b}",
        "。",
        "I'll",
    ]);
    prop_oneof![
        "\\PC{0,40}",
        any::<String>(),
        prop::collection::vec(pieces, 0..20).prop_map(|pieces| pieces.concat())
    ]
}

#[test]
fn encoded_text_comes_back_in_its_normal_form() -> Outcome {
    let (qwen, smol) = (&qwen()?.tokenizer, &smol()?.tokenizer);
    // Fixed cases: a failure is the same on every machine. 512 of them take about a second.
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig {
            cases: 512,
            failure_persistence: None,
            ..ProptestConfig::default()
        },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    runner.run(&texts(), |text| {
        let normal = nfc(&text).map_err(|e| TestCaseError::fail(e.to_string()))?;
        comes_back(qwen, &text, &normal)?;
        let kept: String = text.chars().filter(|&c| !is_lost_by_the_small_model(c)).collect();
        comes_back(smol, &kept, &kept)
    })?;
    Ok(())
}

/// See [`the_small_model_drops_only_the_bytes_it_never_saw`].
fn is_lost_by_the_small_model(c: char) -> bool {
    matches!(
        c,
        '\u{4}' | '\u{6}' | '\u{13}' | '\u{14}' | '\u{16}' | '\u{1d}' | '\u{40000}'..='\u{bffff}'
    )
}
