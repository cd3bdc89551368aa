/*
 * Safety words; docs/protocol.md section 6.1. The index is what counts: position n of each list stands for
 * byte n.
 *
 * Chosen to be said on a telephone: everyday things, no accents, no two in a list alike in their first four
 * letters. The order is frozen: it is part of the protocol.
 */
#include "client/core/safety.h"

#include <assert.h>

static const char *const words[WORDS_LANGUAGES][256] = {
    [WORDS_EN] =
        {
            "acorn",    "album",   "almond",  "amber",    "anchor",   "apple",    "april",    "apron",
            "arrow",    "artist",  "atlas",   "attic",    "autumn",   "awning",   "badge",    "bagel",
            "bakery",   "balloon", "bamboo",  "banjo",    "barley",   "basket",   "bean",     "bell",
            "bench",    "berry",   "biscuit", "blossom",  "blue",     "board",    "book",     "bottle",
            "boulder",  "bowl",    "branch",  "bread",    "breeze",   "brick",    "bridge",   "broom",
            "brown",    "bubble",  "bucket",  "button",   "cabbage",  "cabin",    "cactus",   "cake",
            "canal",    "candle",  "canoe",   "caramel",  "carpet",   "carrot",   "cedar",    "cello",
            "chair",    "chalk",   "cheese",  "chess",    "cinema",   "circle",   "city",     "clay",
            "clock",    "cloud",   "clover",  "coast",    "cocoa",    "coffee",   "comet",    "compass",
            "concert",  "cookie",  "coral",   "cotton",   "crayon",   "cupboard", "dance",    "desert",
            "diary",    "dinner",  "dolphin", "dream",    "duck",     "eagle",    "easel",    "echo",
            "eleven",   "elm",     "emerald", "engine",   "evening",  "fabric",   "farm",     "feather",
            "fence",    "ferry",   "field",   "finch",    "flag",     "flower",   "flute",    "forest",
            "fountain", "friend",  "frost",   "fruit",    "galaxy",   "garden",   "garlic",   "giraffe",
            "glass",    "glove",   "gold",    "grape",    "green",    "guitar",   "harbor",   "hedge",
            "heron",    "hill",    "honey",   "igloo",    "island",   "ivory",    "jacket",   "jam",
            "january",  "jelly",   "jewel",   "jigsaw",   "juice",    "jungle",   "kangaroo", "kettle",
            "kitchen",  "kite",    "koala",   "ladder",   "lagoon",   "lake",     "lamp",     "lantern",
            "lavender", "leaf",    "lemon",   "letter",   "library",  "lilac",    "lime",     "lion",
            "lizard",   "maple",   "marble",  "market",   "meadow",   "mint",     "mirror",   "mitten",
            "monday",   "moon",    "morning", "mosaic",   "mountain", "museum",   "music",    "napkin",
            "needle",   "nest",    "north",   "notebook", "nutmeg",   "oasis",    "oatmeal",  "ocean",
            "onion",    "orange",  "orchard", "otter",    "oven",     "owl",      "paddle",   "page",
            "painter",  "pancake", "paper",   "parrot",   "pebble",   "pencil",   "penguin",  "pepper",
            "piano",    "picnic",  "pigeon",  "planet",   "plum",     "pocket",   "poem",     "pond",
            "potato",   "prairie", "puddle",  "pumpkin",  "purple",   "puzzle",   "radio",    "rain",
            "ribbon",   "river",   "rocket",  "roof",     "salad",    "sand",     "scarf",    "season",
            "shelf",    "ship",    "shoe",    "silver",   "spoon",    "spring",   "star",     "stone",
            "summer",   "sun",     "table",   "teapot",   "tennis",   "thunder",  "ticket",   "timber",
            "toast",    "tomato",  "tower",   "train",    "tulip",    "tunnel",   "turtle",   "umbrella",
            "valley",   "vanilla", "velvet",  "village",  "wagon",    "walnut",   "water",    "weather",
            "whale",    "wheat",   "willow",  "window",   "winter",   "wool",     "yellow",   "zebra",
        },
    [WORDS_ES] =
        {
            "abeja",    "abrigo",   "acuarela", "aguja",    "ajedrez",  "alfombra", "almendra", "alpaca",
            "amarillo", "ancla",    "anillo",   "arce",     "arcilla",  "arco",     "ardilla",  "arena",
            "arpa",     "arroz",    "asiento",  "atlas",    "avena",    "azul",     "baldosa",  "barco",
            "basalto",  "bizcocho", "boina",    "bombilla", "bosque",   "botella",  "brisa",    "brocha",
            "burbuja",  "cacao",    "cactus",   "caja",     "calabaza", "camino",   "campo",    "canasta",
            "canela",   "canto",    "caracol",  "carpeta",  "carro",    "carta",    "castillo", "cebolla",
            "cedro",    "cena",     "cepillo",  "cereza",   "cesta",    "circo",    "ciruela",  "cisne",
            "ciudad",   "clavel",   "cocina",   "codorniz", "coliflor", "columpio", "cometa",   "coral",
            "corcho",   "cristal",  "cromo",    "cuaderno", "cuchara",  "cuento",   "dado",     "desierto",
            "dibujo",   "domingo",  "eco",      "edificio", "elefante", "enero",    "ensalada", "erizo",
            "escalera", "espejo",   "espiga",   "espuma",   "farol",    "ficha",    "fideo",    "flor",
            "foto",     "fresa",    "fruta",    "fuente",   "galleta",  "galope",   "garbanzo", "gato",
            "gaviota",  "girasol",  "globo",    "gota",     "granja",   "grillo",   "grulla",   "guante",
            "guitarra", "hamaca",   "helado",   "hielo",    "hilo",     "hoja",     "hormiga",  "huerta",
            "imprenta", "invierno", "isla",     "jarra",    "jinete",   "jirafa",   "juego",    "jueves",
            "kilo",     "koala",    "ladrillo", "lago",     "laguna",   "lana",     "lavanda",  "lechuga",
            "libro",    "lienzo",   "lima",     "linterna", "lobo",     "loro",     "lunes",    "maceta",
            "madera",   "maleta",   "manzana",  "mapa",     "marea",    "marfil",   "mayo",     "menta",
            "mercado",  "merienda", "mesa",     "miel",     "mimosa",   "mirlo",    "mochila",  "molino",
            "mosaico",  "muelle",   "museo",    "naipe",    "naranja",  "nata",     "nido",     "niebla",
            "nogal",    "norte",    "novela",   "nube",     "nuez",     "nutria",   "oasis",    "olivo",
            "opera",    "orilla",   "oso",      "oveja",    "paisaje",  "palmera",  "panadero", "paraguas",
            "pared",    "parque",   "pasillo",  "patio",    "peine",    "piano",    "piedra",   "pincel",
            "pino",     "piscina",  "pizarra",  "planeta",  "plato",    "plaza",    "poema",    "postre",
            "prado",    "puente",   "puerta",   "pulpo",    "queso",    "quiosco",  "radio",    "rama",
            "raqueta",  "rebanada", "receta",   "regla",    "reloj",    "remo",     "ribera",   "risa",
            "roble",    "roca",     "rueda",    "rumbo",    "semilla",  "sendero",  "silla",    "sobre",
            "sombrero", "sopa",     "taller",   "tambor",   "tapiz",    "tarde",    "taza",     "teatro",
            "tecla",    "tejado",   "tela",     "tenedor",  "terraza",  "tigre",    "tinta",    "tomate",
            "torre",    "tortuga",  "tren",     "trigo",    "trompeta", "uva",      "vainilla", "valle",
            "vaso",     "vela",     "velero",   "ventana",  "verano",   "verja",    "vidrio",   "viento",
            "viernes",  "vuelo",    "yate",     "yeso",     "yogur",    "zafiro",   "zapato",   "zumo",
        },
    [WORDS_FR] =
        {
            "abeille",  "acier",    "agneau",   "aiguille", "album",    "algue",    "amande",   "ami",
            "ampoule",  "ananas",   "ancre",    "antenne",  "arbre",    "ardoise",  "argile",   "armoire",
            "article",  "assiette", "atelier",  "aube",     "automne",  "avion",    "avril",    "azur",
            "bagage",   "bague",    "baie",     "balai",    "balcon",   "bambou",   "barque",   "bateau",
            "beurre",   "bille",    "biscuit",  "blanc",    "bleu",     "bouquet",  "branche",  "brique",
            "brise",    "bruit",    "buisson",  "bureau",   "cabane",   "cacao",    "cadeau",   "cahier",
            "caisse",   "camion",   "canard",   "caramel",  "carotte",  "cascade",  "cerise",   "chaise",
            "chemin",   "ciel",     "cigale",   "citron",   "clavier",  "coffre",   "colline",  "concert",
            "copain",   "coquille", "corail",   "corde",    "coton",    "coucou",   "crayon",   "cuivre",
            "cygne",    "damier",   "danse",    "dattier",  "dauphin",  "dessin",   "dimanche", "encre",
            "escalier", "fable",    "facteur",  "faisan",   "falaise",  "farine",   "fauteuil", "ferme",
            "feuille",  "filet",    "flamme",   "fleur",    "flocon",   "fontaine", "fraise",   "fromage",
            "fruit",    "galet",    "galop",    "gant",     "garage",   "girafe",   "givre",    "glace",
            "gomme",    "gouache",  "graine",   "grenier",  "grillon",  "guitare",  "hamac",    "haricot",
            "hibou",    "hiver",    "horloge",  "huile",    "image",    "ivoire",   "jardin",   "jaune",
            "jeudi",    "jouet",    "juillet",  "kayak",    "kiwi",     "koala",    "lac",      "laine",
            "lait",     "lampe",    "lanterne", "lavande",  "lettre",   "lierre",   "lilas",    "lion",
            "livre",    "losange",  "loupe",    "loutre",   "lundi",    "lune",     "magasin",  "manteau",
            "marche",   "mardi",    "matin",    "menthe",   "meuble",   "miel",     "miroir",   "moineau",
            "montagne", "moulin",   "mouton",   "muguet",   "mur",      "musique",  "nappe",    "navire",
            "nid",      "nord",     "novembre", "nuage",    "oasis",    "objet",    "oiseau",   "ombre",
            "orange",   "orge",     "ours",     "outil",    "ouvrage",  "page",     "paille",   "palmier",
            "panier",   "papillon", "parasol",  "pendule",  "persil",   "piano",    "pierre",   "pinceau",
            "piscine",  "placard",  "plage",    "plume",    "poisson",  "pomme",    "pont",     "porte",
            "poterie",  "prairie",  "puzzle",   "quai",     "radio",    "raisin",   "rameau",   "ravin",
            "recette",  "renard",   "repas",    "rideau",   "rocher",   "rouge",    "route",    "ruban",
            "ruche",    "ruisseau", "sable",    "salade",   "samedi",   "sapin",    "savane",   "savon",
            "semaine",  "sirop",    "soleil",   "soupe",    "sucre",    "table",    "tambour",  "tarte",
            "tasse",    "taxi",     "terrasse", "tigre",    "timbre",   "tissu",    "toile",    "toit",
            "tomate",   "tortue",   "train",    "tuile",    "tulipe",   "vacances", "vague",    "valise",
            "vallon",   "vanille",  "vase",     "velours",  "vendredi", "vent",     "verger",   "verre",
            "village",  "violon",   "vitrail",  "voile",    "volet",    "voyage",   "wagon",    "yaourt",
        },
};

const char *safety_word(enum words_language language, uint8_t index)
{
    assert(language >= WORDS_EN && language < WORDS_LANGUAGES);
    return words[language][index];
}
