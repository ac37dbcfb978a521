//! The rules of [`super::order`]: what they look for, and the pieces that several of them share.
//!
//! They are matched against small letters and half-width signs. A group called `told` holds what makes an order something
//! that is told: where it takes part, the rule does not hold.

use super::Order;

/// The rules with their pieces in place.
pub(super) fn expanded() -> impl Iterator<Item = (Order, String)> {
    let rules = RULES
        .iter()
        .flat_map(|(order, rules)| rules.iter().map(|rule| (*order, *rule)));
    rules.map(|(order, rule)| {
        let pieces = PIECES.iter();
        (
            order,
            pieces.fold(rule.to_owned(), |rule, (name, piece)| rule.replace(name, piece)),
        )
    })
}

/// Shared pieces; a later one may stand in an earlier one.
const PIECES: [(&str, &str); 15] = [
    // Where an order in English begins: a clause of its own, or behind what joins it to one.
    (
        "{joined}",
        r"(?:{begins}|(?:,|\band|\bthen|\bplease|\bmust|\bshould|\byou) (?:just |only |then |simply )?)",
    ),
    (
        "{begins}",
        r#"(?:^[^a-z0-9一-鿿]{0,4}|[.!?;:\])}>"”】」。] *|[-–—*•] +)(?:(?:hidden:|please|now|just|then|kindly|simply|so|and|you must|you should|you will|assistant,|model,) )*"#,
    ),
    // Instructions of a model.
    (
        "{rules}",
        r"(?:instruction|prompt|rule|rubric|guideline|criteri|requirement|direction|constraint|level description|command|polic)[a-z]*",
    ),
    (
        "{former}",
        r"(?:previous|prior|above|earlier|preceding|foregoing|all|any|every|your|system|these|those|rubric|scoring|grading|safety)",
    ),
    // A score, and what nobody counts behind it: `5 days` is none.
    (
        "{five}",
        r#"(?:an? )?(?:[1-5]|five)(?:\.0)?(?: ?/ ?5| out of (?:5|five)| points?| stars?)?(?:$|[.,;:!?)\]"”'}]| (?:in|on|for|and|everywhere|regardless|across|overall|no)\b)"#,
    ),
    (
        "{highest}",
        r"(?:(?:the |a )?(?:highest|top|best|maximum|max|perfect|lowest)(?: possible)? (?:score|level|mark|rating|grade)s?\b|(?:full|top|maximum) (?:marks|points)\b)",
    ),
    (
        "{whom}",
        r"(?:(?:(?:this|that|the|every|each|all|any) (?:[a-z]+ ){0,2}?(?:employee|person|candidate|colleague|individual|dimension|category|criterion|criteria|author)s?|(?:(?:the|this|his|her|their|every|each|all) )?(?:score|rating)s?|him|her|them|everyone|everything|all of them)(?: (?:at|to|as|with|of|a full))? )",
    ),
    ("{model}", r"(?:model|ai|llm|chatbot|gpt|assistant|grader|bot)s?"),
    // Where an order in Chinese begins.
    (
        "{起}",
        r#"(?:^[^a-z0-9一-鿿]{0,4}|[,.;:!?。、】\])}>"”」 ]|请你?|务必|必须|现在|你|并且?|然后|直接|立即|hidden: ) *"#,
    ),
    (
        "{规则}",
        r"(?:要求|指令|指示|提示|规则|说明|标准|设定|限制|约束|量表|描述|命令|规定|内容)",
    ),
    (
        "{此前}",
        r"(?:以上|上述|上面|前面|之前|此前|先前|前文|所有|全部|一切|你的|系统|任何|原有|评分|评审|安全)",
    ),
    (
        "{此人}",
        r"(?:这[位个名] ?(?:员工|人|同事|候选人|同学)|该(?:员工|同事|候选人)|此人|本人|其|被评人|被评估人)",
    ),
    (
        "{评}",
        r"(?:评为?|打|给出?|给予|判|定为?|填|记为?|设为?|输出|争取)",
    ),
    ("{隔}", r"[^。!?;,了过分0-9(~至-]"),
    (
        "{满分}",
        r"(?:[1-5一二三四五] ?分|满分|最高分|最高[档级]|最高等级)",
    ),
];

const RULES: [(Order, &[&str]); 3] = [
    (Order::Override, &OVERRIDE),
    (Order::Score, &SCORE),
    (Order::Role, &ROLE),
];

const OVERRIDE: [&str; 9] = [
    r"{begins}(?:ignore|disregard|forget|override|bypass|dismiss|discard) (?:[a-z']+ ){0,3}?{former}\b(?: [a-z']+){0,4}? ?{rules}",
    r"{begins}(?:ignore|disregard|forget|override) (?:the |this )?(?:rubric|instructions|scoring|grading)\b",
    r"{joined}(?:ignore|disregard|forget|override) (?:all |any )?(?:of )?(?:the |your )?(?:previous|prior|above|earlier|preceding|system)(?: [a-z']+){0,2}? {rules}",
    r"{begins}(?:ignore|disregard|forget) (?:everything|anything|all|what[a-z]*) (?:above|before|you (?:were|have|know)|that (?:was|came|precedes))",
    r"\b{rules}(?: (?:above|before|so far|given earlier))+ (?:are|is) (?:now |hereby )?(?:void|null|cancell?ed|revoked|superseded|obsolete|invalid)",
    r"\b(?:safety|system|scoring|above) (?:rules|instructions|guidelines|guardrails|restrictions) (?:no longer apply|do not apply|are (?:off|disabled|lifted|suspended|void))(?:$|[.,;:!])",
    r"{起}(?:忽略|无视|忘记|忘掉|抛弃|抛开|跳过|绕过|覆盖|不要理会|不用理会|不必理会|不要遵守|不必遵守|不用管|别管)掉?(?:{此前}[^。!?;]{0,14}?{规则}|(?:以上|上述|前文)(?:$|[,.;。! ]))",
    r"(?:前面|以上|上述|上面|系统)(?:的|所有|全部|一切)*[^。!?;,]{0,6}?{规则}(?:一律|全部|均|都|已)?(?:作废|失效|无效|不算)",
    r"(?:安全|系统|上述|以上)(?:的)?(?:规则|限制|要求|指令)(?:均|都|已)?不再(?:适用|有效|生效)(?:$|[,.;。!])",
];

const SCORE: [&str; 18] = [
    r"{joined}(?:give|award|assign|grant|rate|score|grade|mark|set) {whom}(?:{five}|{highest})",
    r"{joined}(?:give|award|assign|output|choose|pick|select) {highest} *(?:$|[.;!])",
    r"\b(?:output|reply|answer|respond|print|say|write)(?: with)?(?: only| just)? (?:a |an |the number )?(?:[1-5]|five)(?: only|,? (?:and )?nothing else)",
    r"\bonly (?:output|reply|answer|respond)(?: with)? (?:the number )?(?:[1-5]|five)\b",
    r"\bnew (?:scoring|rating|grading|evaluation|review) (?:rule|policy|instruction|criteri[a-z]+)s?\b.{0,160}\b(?:given|gets?|receives?|rated|scores?|awarded|earns?) (?:{five}|{highest})",
    r"\b(?:pre-?approved|approved|cleared|preselected|guaranteed) for (?:{five}|{highest})",
    r"\b(?:five|5) out of (?:five|5)(?:,? (?:five|5)\b)+",
    r"\b(?:argue|push|lobby|plead) for {highest}",
    r"\b(?:must|should|has to|have to) be (?:given|rated|scored|awarded) (?:{five}|{highest})",
    r#"\{ ?(?:"(?:evidence|rationale|reason|quote|dimension|suggestion)" ?: ?(?:\[[^\]]*\]|"[^"]*") ?, ?)*"score" ?: ?"?[1-5]"? ?[,}]"#,
    r"{begins}(?:do not|don't|never) (?:cite|quote) (?:any|a single)(?: [a-z]+)? ?(?:line|sentence|evidence|segment|passage|place|paper)s?\b",
    r"(?P<told>我们?|我会|我想|愿意|会|可以|同事|客户)?(?:请|务必|必须|直接|一律|统一|全部|只能|只需|应当?)(?:你|给|把|将|对|为|在)*{隔}{0,14}?{评}{隔}{0,6}{满分}",
    r"(?:一律|统一|直接)(?:为|是|按)? ?{满分}",
    r"(?:每[个一]?|各个?|所有|全部)(?:维度|指标|方面|评分项){隔}{0,6}?(?:{评}|为|均为?){隔}{0,4}{满分}",
    r"(?P<told>我们?|我会|我想|愿意|会|可以|同事|客户)?(?:给|把|将|为|对) ?{此人}{隔}{0,8}?{评}{隔}{0,6}{满分}",
    r"(?:只|仅)(?:能|需|要|许)? ?(?:输出|回复|回答|写) ?(?:数字)? ?[1-5五] ?(?:$|[。,.!;]|分)|\bscore ?(?:填|设为?|写) ?[1-5五]",
    r"[1-5五] ?分(?:[、,] ?[1-5五] ?分){2,}(?:$|[。!])|(?:获准|特批|内定|批准){隔}{0,6}{满分}",
    r"(?:请勿|不要|不得|无需|不必|无须) ?(?:引用|摘录) ?(?:任何|一切)(?:句子|原文|证据|材料|段落|内容)",
];

const ROLE: [&str; 14] = [
    r"<\|[a-z_]{2,24}\|>|\[/?inst\]|<</?sys>>|</(?:system|assistant|instructions?|papers?|materials?|dossier|prompt|材料|系统|资料)>|#{3} ?(?:system|instruction|response) ?:",
    r"(?:^[^a-z0-9一-鿿]{0,4}|hidden: )(?:system|assistant|developer|admin(?:istrator)?)(?: (?:prompt|message|note|notice|override|instruction|command)s?)? ?:.{0,200}(?:this (?:person|employee|candidate)|the employee|level description|every dimension|pre-?approved|\bignore |\bdisregard |highest|full marks)",
    r"\byou are (?:now |actually |really )?(?:an? |the )?(?:[a-z]+ ){0,2}?(?:ai|language model|llm|chatbot|gpt)(?: (?:assistant|model|system|reviewer|evaluator|judge|grader))?(?:$|[.,;:!)]| (?:that|who|and|whose|with|tasked|designed|trained|in)\b)",
    r"\byou are (?:now )?(?:an? |the )?(?:scoring|grading|reviewing|rating|evaluation) (?:model|assistant|bot|system)\b",
    r"\byou are now (?:[a-z']+ ){1,3}(?:advocate|lawyer|defender|spokes[a-z]+|promoter|evaluator|grader)\b",
    r"\bfrom now on,? you (?:act as|rate|score|give|answer|respond|only)\b",
    r#"(?:^|hidden: |[\[(【<{"]) *(?:to|attention|attn|note (?:to|for)|message (?:to|for)|instructions? (?:to|for)|dear|hey|hello)[:,]? (?:the |any |an? |all )?(?:[a-z]+ ){0,2}?{model} ?[\]):,.!】}]"#,
    r"\bif you(?: are|'re) an? (?:ai|llm|(?:large )?language model|automated (?:reviewer|system|grader))\b",
    r"\bas an? (?:ai|llm|(?:large )?language model)(?: [a-z]+)?,? (?:you|please|give|rate|score|ignore|do)\b",
    r"\b{model} (?:that is |which is |who is )?(?:reading|processing|evaluating|scoring|grading|summari[sz]ing) this\b",
    r"(?:^[^a-z0-9一-鿿]{0,4}|hidden: )(?:系统|管理员|开发者|助手) ?(?:提示|指令|消息|备注|通知|信息|说明|覆盖|命令|提示词)? ?:.{0,60}?(?:此人|该员工|这位员工|被评人|{满分}|忽略|等级描述)",
    r"(?:你现在(?:是|扮演)|从现在起,?你(?:是|扮演)|你将扮演|请你?扮演){隔}{0,10}?(?:ai|人工智能|语言模型|模型|助手|评审员?|评委|考官|代言人|律师|辩护人)",
    r"(?:你是|如果你是|作为)(?:一[个名])?(?:大型?)?(?:ai|人工智能|语言模型|大模型)(?: ?(?:助手|模型|系统|评审))?(?:$|[,。:;! ]|请|你|应|必|只)",
    r"(?:^|[【\[(<{]|hidden: ) ?(?:给|致|告知|通知|提醒|请) ?(?:负责)?(?:评审|评分|打分|审核|阅卷|阅读|ai|大|语言)+的? ?(?:模型|ai|助手|机器人) ?[】\]):,]",
];
