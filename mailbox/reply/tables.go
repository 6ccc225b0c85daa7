package reply

// This file is what is known of mail programs and languages. Words are in the
// form that fold gives: lower case, single spaces.

// A label is what a line of a quoted mail's header block states.
type label int

const (
	labelFrom label = iota + 1
	labelDate
	labelTo
	labelCc
	labelSubject
)

// headerLabels are the names programs give the fields of a quoted mail.
var headerLabels = labels(map[label][]string{
	labelFrom: {"from", "von", "de", "da", "van", "från", "fra", "od", "от", "від", "lähettäjä", "kimden", "feladó", "από",
		"差出人", "送信者", "发件人", "寄件者", "보낸 사람"},
	labelDate: {"sent", "date", "gesendet", "datum", "envoyé", "envoyé le", "enviado", "enviado el", "enviado em", "enviada",
		"enviada em", "enviada el", "fecha", "data", "data invio", "inviato", "verzonden", "skickat", "sendt", "dato",
		"lähetetty", "päivämäärä", "wysłano", "odesláno", "отправлено", "дата", "надіслано", "tarih", "gönderildi", "gönderme tarihi",
		"送信日時", "日時", "日付", "发送时间", "日期", "寄件日期", "보낸 날짜", "날짜"},
	labelTo: {"to", "an", "à", "a", "para", "aan", "till", "til", "vastaanottaja", "do", "komu", "кому", "kime", "címzett", "προς",
		"宛先", "收件人", "收件者", "받는 사람"},
	labelCc:      {"cc", "kopie", "kopie (cc)", "копия", "kopia", "kopi", "ccn", "cc:", "抄送", "副本", "참조"},
	labelSubject: {"subject", "betreff", "objet", "asunto", "assunto", "oggetto", "onderwerp", "ämne", "emne", "aihe", "temat", "předmět", "тема", "konu", "tárgy", "θέμα", "件名", "主题", "主旨", "제목"},
})

// originalDividers stand above the mail being answered, dashes aside.
var originalDividers = set(
	"original message", "original-nachricht", "ursprüngliche nachricht", "ursprungliche nachricht", "originalnachricht",
	"message d'origine", "message original", "mensaje original", "mensagem original", "messaggio originale",
	"oorspronkelijk bericht", "origineel bericht", "originalmeddelande", "ursprungligt meddelande", "oprindelig meddelelse",
	"opprinnelig melding", "alkuperäinen viesti", "oryginalna wiadomość", "wiadomość oryginalna", "původní zpráva",
	"исходное сообщение", "оригинальное сообщение", "orijinal mesaj", "元のメッセージ", "原始邮件", "原始郵件", "원본 메시지",
	"reply message", "original appointment",
)

// forwardDividers stand above a forwarded mail, dashes aside.
var forwardDividers = set(
	"forwarded message", "begin forwarded message", "forwarded by", "weitergeleitete nachricht", "anfang der weitergeleiteten nachricht",
	"weitergeleitete mail", "message transféré", "début du message transféré", "début du message réexpédié",
	"mensaje reenviado", "inicio del mensaje reenviado", "mensagem encaminhada", "início da mensagem reencaminhada",
	"mensagem reencaminhada", "messaggio inoltrato", "inizio messaggio inoltrato", "doorgestuurd bericht", "begin doorgestuurd bericht",
	"vidarebefordrat meddelande", "vidarebefordrat brev", "videresendt meddelelse", "videresendt melding", "edelleenlähetetty viesti",
	"przekazana wiadomość", "wiadomość przekazana dalej", "přeposlaná zpráva", "пересылаемое сообщение", "iletilen ileti",
	"転送されたメッセージ", "转发的邮件", "轉寄的郵件", "전달된 메시지",
)

// replyAbove are the phrases of help desks' "type above this line".
var replyAbove = []string{
	"please type your reply above this line", "reply above this line", "please reply above this line", "write above this line",
	"bitte antworten sie über dieser zeile", "bitte geben sie ihre antwort über dieser zeile ein", "répondez au-dessus de cette ligne",
	"veuillez saisir votre réponse au-dessus", "escriba su respuesta por encima de esta línea", "antwoord boven deze lijn",
}

// forwardPrefixes are the subject prefixes of forwards.
var forwardPrefixes = set("fw", "fwd", "wg", "tr", "rv", "enc", "i", "doorst", "vs", "vb", "vl", "pd", "ynt", "ilt", "továbbítás", "転送", "转发", "轉寄", "전달")

// attributionVerbs are the words an attribution names the writing with.
var attributionVerbs = []string{
	"wrote", "writes", "schrieb", "geschrieben", "a écrit", "escribió", "escribio", "escreveu", "ha scritto", "scrive", "schreef",
	"skrev", "kirjoitti", "napisał", "napisała", "napsal", "napsala", "пишет", "написал", "написала", "пише", "yazdı", "írta",
	"έγραψε", "写道", "寫道", "のメール", "が書きました", "님이 작성",
}

// attributionOpenings begin an attribution that may run over several lines.
var attributionOpenings = []string{
	"on ", "am ", "le ", "el ", "em ", "op ", "il ", "den ", "dne ", "w dniu ", "på ", "no dia ", "in data ", "at ",
}

// footers are in the line that a phone or an app puts below a mail, with the
// name of one of the devices. Either alone is what people write too.
var footers = []string{
	"sent from ", "sent with ", "sent via ", "sent using ", "get outlook", "download outlook", "get bluemail", "get mailspring",
	"gesendet", "outlook für ", "envoyé d", "envoyé à partir", "envoyé avec", "obtenir outlook", "télécharger outlook",
	"enviado d", "enviado a partir", "enviado con ", "obtener outlook", "obter o outlook", "descargar outlook",
	"inviato da", "scarica outlook", "verzonden v", "verstuurd v", "outlook voor ", "skickat från", "sendt fra", "hämta outlook", "hent outlook",
	"lähetetty", "wysłan", "odeslán", "odoslan", "отправлено", "надіслано", "yolladığım", "gönderildi",
	"から送信", "を入手", "发自", "從我的", "에서 보냄",
}

// devices are what mail is sent from.
var devices = []string{
	"iphone", "ipad", "android", "galaxy", "samsung", "blackberry", "outlook", "gmail", "yahoo", "proton", "huawei", "xiaomi", "pixel", "oneplus",
	"motorola", "nokia", "windows", "thunderbird", "bluemail", "gmx", "web.de", "mail for ", "mail für", " mail", "mobile", "smartphone", "handy", "mobiltelefon",
	"phone", "téléphone", "portable", "móvil", "celular", "telemóvel", "cellulare", "mobiel", "mobil", "telefon", "puhelim", "tablet", " app", "айфон", "手机",
}

// disclaimers are phrases that only legal and printing notices use. Words like
// "confidential" are not among them: customers complain about leaks.
var disclaimers = []string{
	"confidentiality notice", "if you are not the intended", "if you are not the named", "if you are not the addressee", "if you have received this",
	"if you received it in error", "if you received this", "if received in error", "intended only for the", "intended solely for the",
	"this e-mail and any attach", "this email and any attach", "this message and its attach", "this message and any attach",
	"this e-mail may contain", "this email may contain", "this message may contain", "before printing this", "consider the environment before",
	"wenn sie nicht der richtige", "sollten sie nicht der", "nicht der beabsichtigte empfänger", "diese e-mail irrtümlich", "diese nachricht irrtümlich",
	"diese e-mail enthält vertrauliche", "denken sie an die umwelt", "bevor sie diese e-mail drucken",
	"pensez à l'environnement", "ce message et ses pièces", "ce message et toutes les pièces", "si vous n'êtes pas le destinataire", "avant d'imprimer ce",
	"si no es usted el destinatario", "si usted no es el destinatario", "este correo es confidencial", "este mensaje y sus", "antes de imprimir este",
	"se você não é o destinatário", "se não é o destinatário", "esta mensagem pode conter", "antes de imprimir esta",
	"se non siete il destinatario", "contenute in questo messaggio", "prima di stampare", "als u niet de geadresseerde", "indien u niet de",
	"er du ikke rett mottaker", "om du inte är avsedd", "hvis du ikke er den",
}

// valedictions close a mail. Only with a signature below do they go.
var valedictions = set(
	"regards", "best regards", "kind regards", "kindest regards", "warm regards", "many regards", "with kind regards", "with best regards", "best", "best wishes",
	"all the best", "sincerely", "yours sincerely", "sincerely yours", "yours faithfully", "yours truly", "respectfully", "cheers", "thanks", "many thanks", "thank you",
	"thanks and regards", "thanks & regards", "cordially", "rgds", "br", "kr",
	"mit freundlichen grüßen", "mit freundlichen gruessen", "mit freundlichem gruß", "mit freundlichen grüssen", "freundliche grüße", "freundliche grüsse",
	"mit besten grüßen", "beste grüße", "viele grüße", "liebe grüße", "herzliche grüße", "schöne grüße", "mfg", "lg", "vg", "hochachtungsvoll", "danke und gruß", "gruß", "grüße",
	"cordialement", "bien cordialement", "très cordialement", "sincères salutations", "salutations", "salutations distinguées", "bien à vous", "meilleures salutations", "cdlt",
	"saludos", "un saludo", "saludos cordiales", "un cordial saludo", "atentamente", "muy atentamente", "gracias y saludos",
	"atenciosamente", "cumprimentos", "com os melhores cumprimentos", "melhores cumprimentos", "abraço", "obrigado", "obrigada",
	"cordiali saluti", "distinti saluti", "un saluto", "saluti", "grazie e saluti",
	"met vriendelijke groet", "met vriendelijke groeten", "vriendelijke groet", "vriendelijke groeten", "groeten", "groet", "mvg",
	"med vänliga hälsningar", "vänliga hälsningar", "mvh", "med venlig hilsen", "venlig hilsen", "med vennlig hilsen", "vennlig hilsen", "hilsen", "hälsningar",
	"ystävällisin terveisin", "terveisin", "pozdrawiam", "z poważaniem", "s pozdravem", "с уважением", "saygılarımla", "üdvözlettel",
	"よろしくお願いいたします", "敬具", "此致", "敬礼", "감사합니다",
)

// companyForms end the name of a firm.
var companyForms = set("gmbh", "ag", "kg", "ohg", "ug", "ltd", "limited", "inc", "llc", "llp", "pllc", "plc", "corp", "co", "sa", "s.a", "sas", "sarl", "s.l", "sl", "s.r.l", "srl",
	"spa", "s.p.a", "bv", "b.v", "nv", "ab", "as", "a/s", "aps", "oy", "oyj", "sp", "lda", "ltda", "kft", "株式会社", "有限公司")

// speech are small words that sentences have and contact blocks do not.
var speech = set("i", "i'm", "i'll", "we", "we're", "you", "me", "us", "it", "it's", "is", "are", "was", "were", "please", "can", "can't", "could", "would", "will", "don't", "not", "ps",
	"p.s", "this", "that", "have", "has", "if", "when", "why", "call", "asap", "ich", "wir", "sie", "ist", "sind", "bitte", "nicht", "mir", "uns", "je", "nous", "vous", "est", "sont", "merci", "pas",
	"yo", "nosotros", "es", "está", "por", "favor", "eu", "nós", "não", "ik", "wij", "niet", "graag")

func labels(byKind map[label][]string) map[string]label {
	m := map[string]label{}
	for kind, words := range byKind {
		for _, w := range words {
			m[w] = kind
		}
	}
	return m
}

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}
