"""Word lists of the story grammar."""

GIRLS = """Lily Mia Anna Emma Rosa Ella Nora Ivy Ruby Clara Maya Zoe Alice Daisy Lucy Sara Hanna
Freya Greta Molly Tessa Nina Penny Amy Eva Iris June Kate Leah Mary Olive Poppy Ada
Bella Cora Dora Elsa Flora Grace Hazel Ida Jane Katla Lena Maren Nell Pia Runa Sofia
Tilda Una Vera Wendy Ylva Astrid Birta Edda Hilda Sunna Thea""".split()
BOYS = """Tom Ben Max Sam Leo Tim Jack Finn Oscar Hugo Noah Luke Peter Oliver Theo Adam Alex Bill
Carl Dan Eddie Felix George Henry Isak Jon Karl Lars Martin Nils Otto Paul Ralph Simon
Toby Victor Walter Anders Bram Cody Dennis Emil Fred Gus Harry Ivan Jacob Kevin Louis
Milo Ned Owen Philip Robin Stefan Tony Ari Bjorn Einar Gunnar Snorri""".split()
ANIMAL_NAMES_F = """Hazel Clover Fern Ginger Honey Juniper Misty Rosie Tansy Willow Dot Snowy Cocoa Daisy
Maisie Zuzu Minty Heather Bonnie Lulu Mimi Tilly Blossom Petal""".split()
ANIMAL_NAMES_M = """Rusty Dusty Kip Copper Mossy Olly Teddy Ziggy Flip Scruffy Spot Bruno Chester Monty
Barney Rufus Archie Bertie Milton Oakley Bolt Gruff Basil Chip""".split()
ANIMAL_NAMES = """Pip Bramble Nutmeg Pepper Sandy Biscuit Button Fluff Pebble Puddle Sunny Tiny Twig
Waffle Whiskers Acorn Bean Hoppy Jolly Muffin Patch Pumpkin Speckle Tumble""".split()
SYLLABLES = """al ba be bri ca da de dor el fa fi gal hal il ja jo ka kel la li lo ma me mi mor na ni
no or pa pe ra ri ro sa sel so ta te ti tor va vi wil ya za ze""".split()
NAME_ENDS_F = "la na ra lia nia ria sa da ina ella mia ka tha".split()
NAME_ENDS_M = "ro no to lan den ric mo do vin ton bert las go".split()
ELDERS_F = ["Mrs. " + n for n in "Brown Green Hill Wood Stone Baker Lane Field Moss Bell Gray Reed".split()]
ELDERS_M = ["Mr. " + n for n in "Brown Green Hill Wood Stone Baker Lane Field Moss Bell Gray Reed".split()]

COLORS = "red blue green yellow orange purple white golden silver pink brown".split()
TOYS = """ball kite doll drum train bear puppet whistle robot boat balloon top truck paintbrush
yo-yo flute horse puzzle rabbit trumpet""".split()
TOY_LOOKS = COLORS + ["wooden", "shiny", "little", "striped", "new", "old", "soft", "tiny"]
HARD_TOYS = "ball drum train robot boat top truck whistle horse flute trumpet".split()
WEARABLES = "hat scarf coat cap sweater ribbon".split()
KEEPSAKES = "ring necklace button coin watch bracelet brooch medal key locket".split()
KEEPSAKE_LOOKS = ["golden", "silver", "shiny", "old", "tiny", "round", "pretty", "bright"]

# (with article, bare noun, pronoun, a piece of it)
FOODS = [
    ("a loaf of bread", "bread", "it", "a thick slice of bread"),
    ("a basket of apples", "apples", "them", "an apple"),
    ("a bag of nuts", "nuts", "them", "a handful of nuts"),
    ("a jar of honey", "honey", "it", "a spoonful of honey"),
    ("a plate of cookies", "cookies", "them", "a cookie"),
    ("a cheese sandwich", "sandwich", "it", "half of the sandwich"),
    ("a berry pie", "pie", "it", "a piece of pie"),
    ("a bowl of cherries", "cherries", "them", "some cherries"),
    ("a bag of plums", "plums", "them", "a plum"),
    ("a honey cake", "cake", "it", "a slice of cake"),
    ("a basket of strawberries", "strawberries", "them", "some strawberries"),
    ("a big pear", "pear", "it", "half of the pear"),
    ("a bunch of carrots", "carrots", "them", "a carrot"),
    ("a round cheese", "cheese", "it", "a bit of cheese"),
    ("a bag of raisins", "raisins", "them", "some raisins"),
    ("a warm bun", "bun", "it", "half of the bun"),
    ("a box of dates", "dates", "them", "a date"),
    ("a slice of melon", "melon", "it", "a piece of melon"),
    ("a bag of popcorn", "popcorn", "it", "a handful of popcorn"),
    ("a plate of pancakes", "pancakes", "them", "a pancake"),
]

# species: home, past tense of how it moves, what it eats
ANIMALS = {
    "fox": ("den", "trotted", "berries"),
    "rabbit": ("burrow", "hopped", "carrots"),
    "squirrel": ("tree house", "scampered", "nuts"),
    "hedgehog": ("nest of leaves", "shuffled", "apples"),
    "mouse": ("hole", "scurried", "cheese"),
    "bear": ("cave", "walked", "honey"),
    "duck": ("nest by the pond", "waddled", "seeds"),
    "frog": ("house under a lily leaf", "hopped", "beans"),
    "turtle": ("house of stones", "crawled", "lettuce"),
    "deer": ("clearing", "ran", "clover"),
    "badger": ("burrow", "plodded", "roots"),
    "mole": ("tunnel", "shuffled", "turnips"),
    "otter": ("den by the river", "ran", "pears"),
    "beaver": ("house of sticks", "walked", "bark"),
    "raccoon": ("hollow log", "crept", "corn"),
    "cat": ("basket", "crept", "cream"),
    "dog": ("kennel", "trotted", "bones"),
    "goat": ("shed", "skipped", "grass"),
    "pig": ("barn", "trotted", "corn"),
    "lamb": ("barn", "skipped", "clover"),
    "goose": ("nest", "waddled", "oats"),
    "hamster": ("box of straw", "scurried", "seeds"),
    "pony": ("stable", "trotted", "oats"),
    "penguin": ("igloo", "waddled", "shrimps"),
    "monkey": ("tree house", "swung", "bananas"),
    "elephant": ("hut", "marched", "peanuts"),
    "kangaroo": ("hut", "hopped", "grass"),
    "koala": ("tree house", "climbed", "leaves"),
    "panda": ("bamboo hut", "walked", "bamboo"),
}
WOOD_ANIMALS = (
    "fox rabbit squirrel hedgehog mouse bear frog turtle deer badger mole otter beaver raccoon".split()
)
SMALL_ANIMALS = "mouse frog hedgehog squirrel rabbit mole hamster turtle".split()
BIRDS = "robin sparrow owl crow blackbird swallow finch dove thrush wren".split()
INSECTS = "ant bee ladybug butterfly beetle grasshopper caterpillar firefly".split()
PETS = [
    ("kitten", "meow"),
    ("puppy", "bark"),
    ("lamb", "bleat"),
    ("duckling", "peep"),
    ("rabbit", "rustle"),
    ("parrot", "squawk"),
    ("piglet", "squeal"),
    ("hen", "cluck"),
    ("hamster", "squeak"),
]

FLOWERS = "rose tulip daisy sunflower poppy lily violet bluebell".split()
VEGETABLES = "pumpkin cabbage carrot turnip melon bean cucumber leek".split()
TREES = "oak apple pear birch chestnut willow plum cherry".split()

TRAITS = "kind brave curious cheerful clever gentle careful friendly quiet playful bright helpful".split()
LOOKS = "little small young".split()

# what a character loves: infinitive phrase, what it did at the end of the day
LIKES = [
    ("sing", "sang a [happy|little|merry] song"),
    ("draw", "drew a picture of the day"),
    ("dance", "danced [around the room|in the moonlight]"),
    ("tell stories", "told everyone the story"),
    ("look at the stars", "looked up at the stars and smiled"),
    ("play in the garden", "played in the garden until dark"),
    ("collect shells", "put a new shell on the shelf"),
    ("read books", "read a book by the window"),
    ("climb trees", "climbed a tree and looked over the land"),
    ("pick flowers", "picked some flowers for the table"),
    ("whistle", "whistled a [merry|happy|cheerful] tune"),
    ("run", "ran home as fast as the wind"),
    ("swim", "went for a swim in the [lake|river|pond]"),
    ("paint", "painted a bright picture"),
    ("bake", "baked a [little|small|sweet] cake"),
    ("hum", "hummed a [merry|happy] tune"),
    ("listen to the birds", "listened to the birds and smiled"),
    ("build things", "built a little tower of stones"),
    ("laugh", "laughed and laughed"),
    ("write", "wrote it all down in a little book"),
]

VILLAGES = [
    "small village",
    "quiet village",
    "little town",
    "busy town",
    "village by the sea",
    "town near the mountains",
    "village at the edge of the forest",
    "valley",
    "village by a river",
    "town by the harbor",
    "village on a hill",
]
HOMES = [
    "small house",
    "little cottage",
    "yellow house",
    "house with a red roof",
    "tiny cottage",
    "white house",
    "little house with green windows",
    "house made of stone",
    "wooden house",
]
HOME_SITES = [
    "near the forest",
    "by the sea",
    "by a lake",
    "on a hill",
    "at the end of the street",
    "near the river",
    "at the edge of town",
    "in the mountains",
    "next to a mill",
    "by the old bridge",
    "across from the park",
]
WOOD_SITES = [
    "in the forest",
    "in the deep woods",
    "at the edge of the woods",
    "near the river",
    "under an old oak tree",
    "on a green hill",
    "by the lake",
    "in a green valley",
    "near the meadow",
]
